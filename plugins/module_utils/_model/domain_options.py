# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a domain is, in the words in which module `domain` takes it: the other direction of parsing."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from .._errors import SpecError
from .domain import Definition, parse
from .domain_devices import ITEMS, LISTS, key
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
        entries = (_item(listed, item) for item in getattr(definition, listed) or ())
        found[listed] = [entry for entry in entries if entry is not None]
    return {"name": name, **(found if _taken(found) else dict(_acceptable(found)))}


def _said(model: Any, rows: Iterator[tuple[str, Option]], shown: Mapping[str, Any]) -> dict[str, Any]:
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


def _item(listed: str, item: Any) -> Optional[dict[str, Any]]:
    """An item of a list, if it is one that can be found again by what is left of it."""
    rows = every_option(type(item))
    # Forwards are no model of rows.
    found = _said(item, rows, {}) if ITEMS[listed].model is not Forward else dataclasses.asdict(item)
    with contextlib.suppress(SpecError):
        [again] = ITEMS[listed].parse([found], listed)
        return found if key(again) == key(item) else None
    return None


def _acceptable(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What of a domain of others may be stated, where not all of it may be stated together."""
    for word, entry in found.items():
        if word in LISTS:
            kept: list[Any] = []
            for item in entry:
                kept += [item] if _taken({word: [*kept, item]}) else []
            yield word, kept
        elif _taken({word: entry}):
            yield word, entry


def _taken(given: Mapping[str, Any]) -> bool:
    with contextlib.suppress(SpecError):
        parse(given)
        return True
    return False
