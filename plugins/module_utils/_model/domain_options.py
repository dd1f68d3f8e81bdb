# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a domain is, in the words in which module `domain` takes it: the other direction of parsing."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional

from .._errors import SpecError
from .domain import Definition, parse
from .domain_devices import LISTS, key
from .domain_disks import Disk
from .domain_merge import view
from .forward import Forward
from .options import Option, every_option, options


def as_options(name: str, definition: Definition) -> dict[str, Any]:
    """Options with which `domain` changes nothing of it. What no option can say is left out."""
    if definition.kernel is not None:
        # A domain of others may have both; the options exclude each other.
        definition = dataclasses.replace(definition, firmware=None)
    found = _said(definition, options(Definition), view(name, definition, "", ""))
    for listed in LISTS:
        found[listed] = [_said_item(item) for item in getattr(definition, listed) or ()]
    again = _parsed(found)
    if again is None or any(_keys(again, listed) != _keys(definition, listed) for listed in LISTS):
        found = dict(_acceptable(found, definition))
    return {"name": name, **found}


def _keys(definition: Definition, listed: str) -> list[str]:
    return [key(item) for item in getattr(definition, listed) or ()]


def _said(model: Any, rows: Iterable[tuple[str, Option]], shown: Mapping[str, Any]) -> dict[str, Any]:
    """Each value as it can be stated: for people, with its unit, or as it is shown."""
    found: dict[str, Any] = {}
    for attribute, option in rows:
        value = getattr(model, attribute)
        if value is None or not option.argument:
            continue
        head, _dot, tail = option.path.partition(".")
        plain = (shown.get(head) or {}).get(tail) if tail else shown.get(head)
        word = next((word for word in (option.show(value), plain) if _means(option, word, value)), None)
        if word is not None and tail:
            found.setdefault(head, {})[tail] = _plain(word)
        elif word is not None:
            found[head] = _plain(word)
    return found


def _means(option: Option, word: object, value: object) -> bool:
    with contextlib.suppress(SpecError):
        return word is not None and bool(option.kind(word, option.path) == value)
    return False


def _plain(word: object) -> object:
    return list(word) if isinstance(word, tuple) else word


def _said_item(item: Any) -> dict[str, Any]:
    # Forwards are no model of rows.
    found = dataclasses.asdict(item) if isinstance(item, Forward) else _said(item, every_option(type(item)), {})
    # A drive without a media has no format as it runs.
    if isinstance(item, Disk) and item.source is None:
        found.pop("format", None)
    return found


def _acceptable(found: Mapping[str, Any], definition: Definition) -> Iterator[tuple[str, Any]]:
    """What of a domain of others may be stated, where not all of it may be, or not together."""
    for word, entry in found.items():
        if word in LISTS:
            yield word, _acceptable_items(word, entry, _keys(definition, word))
        elif _parsed({word: entry}) is not None:
            yield word, entry


def _acceptable_items(listed: str, entries: Sequence[Any], keys: Sequence[str]) -> list[Any]:
    """Those that can be found again by what is left of them."""
    kept: list[Any] = []
    for entry, own in zip(entries, keys):
        again = _parsed({listed: [*kept, entry]})
        if again is not None and _keys(again, listed)[-1] == own:
            kept.append(entry)
    return kept


def _parsed(given: Mapping[str, Any]) -> Optional[Definition]:
    with contextlib.suppress(SpecError):
        return parse(given)
    return None
