# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One table says all of an option: what it takes, its place in libvirt's XML, how it is compared, what a change costs.

A model is a frozen dataclass; each of its options is a field made by `option`. `_xml` reads and writes XML by these
rows, and the argument specs are made from them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Optional

from .._errors import SpecError
from . import value


@dataclass(frozen=True)
class Kind:
    """A kind of values. parse: (stated, path) -> value, or a refusal. spec: as AnsibleModule takes it.

    read and write: from a text of the XML and to it.
    """

    parse: Callable[[object, str], Any]
    spec: Mapping[str, Any]
    read: Callable[[str], Any] = str
    write: Callable[[Any], str] = str

    def __call__(self, stated: object, path: str) -> Any:
        return self.parse(stated, path)


def kind(
    type: str,  # noqa: A002 (Ansible's word)
    *,
    read: Callable[[str], Any] = str,
    write: Callable[[Any], str] = str,
    **spec: Any,
) -> Callable[[Callable[[object, str], Any]], Kind]:
    """Make a parser a kind of values."""
    return lambda parse: Kind(parse, {"type": type, **spec}, read, write)


def one_of(*choices: str) -> Kind:
    return Kind(lambda stated, path: value.choice(stated, path, choices), {"type": "str", "choices": list(choices)})


boolean = kind("bool")(value.boolean)


def _as_it_is(item: Any) -> object:
    return item


def _stated(_observed: Any, stated: Any) -> Any:
    return stated


def over(observed: Any, stated: Any) -> Any:
    """The merge of mappings of which the stated keys are managed."""
    return {**(observed or {}), **stated}


@dataclass(frozen=True)
class Option:
    """One option. place: where it stands in the XML ("cpu@mode", "os/kernel") when it is one text or attribute there.

    default: the text that its absence from there means. merge: (observed, stated) -> what then holds. show is for
    people. argument: False for what is only found. identity: it tells an item of a list from the others.
    """

    path: str
    impact: str
    kind: Kind
    place: Optional[str] = None
    default: Optional[str] = None
    merge: Callable[[Any, Any], Any] = _stated
    show: Callable[[Any], object] = _as_it_is
    required: bool = False
    argument: bool = True
    identity: bool = False


def option(path: str, impact: str, kind: Kind, place: Optional[str] = None, **further: Any) -> Any:
    """A field of a model. What has no value is unstated, or absent in what is read."""
    row = Option(path, impact, kind, place, **further)
    unset: Any = MISSING if row.identity else None
    # pylint: disable-next=invalid-field-call  # it is made for the body of a dataclass
    return field(default=unset, metadata={"option": row})


def options(model: type) -> Iterator[tuple[str, Option]]:
    """Attribute and option of each row of a model, save for what tells its items apart."""
    return ((attribute, row) for attribute, row in every_option(model) if not row.identity)


def every_option(model: type) -> tuple[tuple[str, Option], ...]:
    """Those that tell its items apart, too."""
    return _rows(model)


# Each value of each domain asks for them.
@functools.cache
def _rows(model: Any) -> tuple[tuple[str, Option], ...]:
    return tuple((row.name, row.metadata["option"]) for row in fields(model) if "option" in row.metadata)


def parse_rows(model: type, given: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """attribute -> value of what is stated. prefix goes before each path in errors."""
    found: dict[str, Any] = {}
    for attribute, row in every_option(model):
        stated = _at(given, row.path, prefix)
        if stated is not None or row.identity:
            found[attribute] = row.kind(stated, prefix + row.path)
    return found


def _at(given: Mapping[str, Any], path: str, prefix: str) -> Any:
    head, _dot, tail = path.partition(".")
    inner = given.get(head)
    return inner if not tail or inner is None else value.mapping(inner, prefix + head).get(tail)


def parse_items(model: type, stated: object, path: str, *, unique: Sequence[str] = ()) -> tuple[Any, ...]:
    """The items of a list. unique: the attributes of which no two may have the same."""
    items = []
    for index, entry in enumerate(value.sequence(stated, path)):
        place = f"{path}[{index}]"
        items.append(model(**parse_rows(model, value.mapping(entry, place), f"{place}.")))
    for attribute in unique:
        refuse_twice([getattr(item, attribute) for item in items], attribute, path)
    return tuple(items)


def refuse_twice(entries: Sequence[object], attribute: str, path: str) -> None:
    seen: dict[object, int] = {}
    for index, stated in enumerate(entries):
        if stated is None or stated == value.UNKNOWN:
            continue
        if stated in seen:
            problem = f"{value.shown(stated)} is {path}[{seen[stated]}]'s too"
            raise SpecError(f"{path}[{index}].{attribute}", problem, "Write another one.")
        seen[stated] = index


def arguments(model: type) -> dict[str, Any]:
    """The argument spec of a model's options, those with a dot in their paths as options of a mapping."""
    found: dict[str, Any] = {}
    for _attribute, row in every_option(model):
        if not row.argument:
            continue
        spec = {**row.kind.spec, **({"required": True} if row.required else {})}
        head, _dot, tail = row.path.partition(".")
        if tail:
            found.setdefault(head, {"type": "dict", "options": {}})["options"][tail] = spec
        else:
            found[head] = spec
    return found
