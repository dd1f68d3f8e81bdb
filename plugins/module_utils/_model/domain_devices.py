# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of devices of a domain. A further option is a row here, and its documentation in `_domain_lists`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from .._errors import SpecError
from . import domain_values as values
from . import value
from .domain_disks import Disk, check_disk, complete_disk, match_disks, parse_disks
from .domain_interfaces import (
    Interface,
    check_interface,
    complete_interface,
    match_interfaces,
    parse_interfaces,
)
from .forward import LOOPBACK, Forward, parse_forwards
from .options import Kind, arguments, boolean, option, parse_items
from .share_rules import parse_tag


@dataclass(frozen=True)
class Filesystem:
    """real is where source led to when it was checked, and the only directory that the hook will bind."""

    tag: str = option("tag", "restart", Kind(parse_tag, {"type": "str"}), required=True, identity=True)
    source: Optional[str] = option("source", "restart", values.shared_directory, required=True)
    readonly: Optional[bool] = option("readonly", "restart", boolean)
    real: Optional[str] = option("real", "restart", values.shared_directory, argument=False)


Match = Callable[[Sequence[Any], Sequence[Any]], list[Optional[int]]]


def by_key(observed: Sequence[Any], stated: Sequence[Any]) -> list[Optional[int]]:
    places = {key(item): index for index, item in enumerate(observed)}
    return [places.get(key(item)) for item in stated]


def _as_it_is(_before: Any, item: Any, _others: Sequence[Any], _machine: str) -> Any:
    return item


def _no_rule(_path: str, _before: Any, _item: Any, _others: Sequence[Any]) -> None:
    pass


@dataclass(frozen=True)
class Items:
    """One list. key: what tells its items apart. parse: (stated, path) -> items. spec: as AnsibleModule takes an item.

    match: for each stated item the index of the observed one that it means, None for a new one. complete: an item
    after the merge (before it, if any; the item; the others; the machine) -> with what it is where nothing is stated.
    check: (path, before, item, the others) raises for what can't be.
    """

    model: type
    key: Callable[[Any], str]
    parse: Callable[[object, str], tuple[Any, ...]]
    spec: Mapping[str, Any]
    match: Match = by_key
    complete: Callable[[Any, Any, Sequence[Any], str], Any] = _as_it_is
    check: Callable[[str, Any, Any, Sequence[Any]], None] = _no_rule


def _filesystems(stated: object, path: str) -> tuple[Filesystem, ...]:
    return parse_items(Filesystem, stated, path, unique=("tag",))


def _forwards(stated: object, path: str) -> tuple[Forward, ...]:
    forwards = parse_forwards([_without_none(entry) for entry in value.sequence(stated, path)], path)
    for index, forward in enumerate(forwards):
        # slirp's hostfwd has no syntax for another family (QEMU 10 neither).
        if ":" in forward.address:
            problem = f"{value.shown(forward.address)} is IPv6, which QEMU's user network can't forward"
            raise SpecError(f"{path}[{index}].address", problem, "Write an IPv4 address.")
    return forwards


def _without_none(entry: object) -> object:
    """AnsibleModule fills the keys that were not stated with None."""
    return {key: item for key, item in entry.items() if item is not None} if isinstance(entry, Mapping) else entry


_FORWARD = {
    "host_port": {"type": "int", "required": True},
    "guest_port": {"type": "int", "required": True},
    "address": {"type": "str", "default": LOOPBACK},
}


def _fresh(**defaults: object) -> Callable[[Any, Any, Sequence[Any], str], Any]:
    """What a new item has where it doesn't say otherwise."""

    def complete(before: Any, item: Any, _others: Sequence[Any], _machine: str) -> Any:
        missing = {name: entry for name, entry in defaults.items() if getattr(item, name) is None}
        return dataclasses.replace(item, **missing) if before is None else item

    return complete


# attribute of a Definition -> what its items are
ITEMS: Mapping[str, Items] = {
    "disks": Items(
        Disk,
        lambda disk: str(disk.name),
        parse_disks,
        arguments(Disk),
        match_disks,
        complete_disk,
        check_disk,
    ),
    "interfaces": Items(
        Interface,
        lambda interface: str(interface.mac),
        parse_interfaces,
        arguments(Interface),
        match_interfaces,
        complete_interface,
        check_interface,
    ),
    # Whether a share may lead to a sensitive directory is a rule for the request, and nothing that a domain has.
    "filesystems": Items(
        Filesystem,
        lambda share: str(share.tag),
        _filesystems,
        {**arguments(Filesystem), "allow_sensitive": {"type": "bool"}},
        complete=_fresh(readonly=False),
    ),
    "forwards": Items(Forward, lambda forward: f"{forward.address}:{forward.host_port}", _forwards, _FORWARD),
}
LISTS = tuple(ITEMS)


def items_of(item: Any) -> Items:
    """What its list is like."""
    return next(items for items in ITEMS.values() if isinstance(item, items.model))


def key(item: Any) -> str:
    """What tells the items of a list apart, as it stands in a change's path."""
    return items_of(item).key(item)


def match(observed: Sequence[Any], stated: Sequence[Any]) -> list[tuple[Any, Optional[int]]]:
    """Each stated item with the index of the observed one that it means, or None for a new one."""
    return list(zip(stated, items_of(stated[0]).match(observed, stated))) if stated else []
