# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of devices of a domain. A further option is a row here, and its documentation in `_domain_lists`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from .._errors import SpecError
from . import domain_values as values
from . import value
from .forward import LOOPBACK, Forward, parse_forwards
from .options import Kind, arguments, boolean, one_of, option, parse_items
from .share_rules import parse_tag

DISK_FORMATS = ("qcow2", "raw")
INTERFACE_TYPES = ("network", "bridge")
INTERFACE_MODELS = ("virtio", "e1000e", "e1000", "rtl8139")


@dataclass(frozen=True)
class Disk:
    """name is the serial number that the guest sees; base is the image that source is an overlay of."""

    name: str = option("name", "restart", values.disk_name, required=True, identity=True)
    source: Optional[str] = option("source", "restart", values.file, "source@file")
    format: Optional[str] = option("format", "restart", one_of(*DISK_FORMATS), "driver@type")
    readonly: Optional[bool] = option("readonly", "restart", boolean)
    base: Optional[str] = option("base", "restart", values.file)


@dataclass(frozen=True)
class Interface:
    type: Optional[str] = option("type", "restart", one_of(*INTERFACE_TYPES))
    source: Optional[str] = option("source", "restart", values.word)
    mac: Optional[str] = option("mac", "restart", values.mac, "mac@address")
    model: Optional[str] = option("model", "restart", one_of(*INTERFACE_MODELS), "model@type")


@dataclass(frozen=True)
class Filesystem:
    """real is where source led to when it was checked, and the only directory that the hook will bind."""

    tag: str = option("tag", "restart", Kind(parse_tag, {"type": "str"}), required=True, identity=True)
    source: Optional[str] = option("source", "restart", values.shared_directory, required=True)
    readonly: Optional[bool] = option("readonly", "restart", boolean)
    real: Optional[str] = option("real", "restart", values.shared_directory, argument=False)


@dataclass(frozen=True)
class Items:
    """One list. key: what tells its items apart. parse: (stated, path) -> items. spec: as AnsibleModule takes an item.

    new: attribute -> what a new item has where it doesn't say otherwise.
    """

    model: type
    key: Callable[[Any], str]
    parse: Callable[[object, str], tuple[Any, ...]]
    spec: Mapping[str, Any]
    new: Mapping[str, object] = field(default_factory=dict)


def _disks(stated: object, path: str) -> tuple[Disk, ...]:
    return parse_items(Disk, stated, path, unique=("name", "source"))


def _interfaces(stated: object, path: str) -> tuple[Interface, ...]:
    return parse_items(Interface, stated, path, unique=("mac",))


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

# attribute of a Definition -> what its items are
ITEMS: Mapping[str, Items] = {
    "disks": Items(Disk, lambda disk: str(disk.name), _disks, arguments(Disk), {"format": "qcow2", "readonly": False}),
    "interfaces": Items(
        Interface,
        lambda interface: str(interface.mac),
        _interfaces,
        arguments(Interface),
        {"type": "network", "model": "virtio"},
    ),
    # Whether a share may lead to a sensitive directory is a rule for the request, and nothing that a domain has.
    "filesystems": Items(
        Filesystem,
        lambda share: str(share.tag),
        _filesystems,
        {**arguments(Filesystem), "allow_sensitive": {"type": "bool"}},
        {"readonly": False},
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
