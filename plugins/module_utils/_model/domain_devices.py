# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of devices of a domain. A further option is a row of a model, and its documentation in `_domain_lists`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from .._errors import SpecError
from . import domain_values as values
from . import value
from .domain_desktop import CHANNELS, GRAPHICS, HOSTDEVS, SERIALS, SOUNDS, VIDEOS
from .domain_disks import DISKS
from .domain_interfaces import INTERFACES
from .forward import LOOPBACK, Forward, parse_forwards
from .items import Items, fresh
from .options import Kind, boolean, option
from .share_rules import parse_tag


@dataclass(frozen=True)
class Filesystem:
    """real is where source led to when it was checked, and the only directory that the hook will bind."""

    tag: str = option("tag", "restart", Kind(parse_tag, {"type": "str"}), required=True, identity=True)
    source: Optional[str] = option("source", "restart", values.shared_directory, required=True)
    readonly: Optional[bool] = option("readonly", "restart", boolean)
    real: Optional[str] = option("real", "restart", values.shared_directory, argument=False)


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
    "disks": DISKS,
    "interfaces": INTERFACES,
    # Whether a share may lead to a sensitive directory is a rule for the request, and nothing that a domain has.
    "filesystems": Items(
        Filesystem,
        lambda share: str(share.tag),
        ("tag",),
        fresh(readonly=False),
        further={"allow_sensitive": {"type": "bool"}},
    ),
    "hostdevs": HOSTDEVS,
    "serials": SERIALS,
    "channels": CHANNELS,
    "graphics": GRAPHICS,
    "video": VIDEOS,
    "sound": SOUNDS,
    "forwards": Items(
        Forward,
        lambda forward: f"{forward.address}:{forward.host_port}",
        own_parse=_forwards,
        further=_FORWARD,
    ),
}
LISTS = tuple(ITEMS)


def items_of(item: Any) -> Items:
    """What its list is like."""
    return next(items for items in ITEMS.values() if isinstance(item, items.model))


def key(item: Any) -> str:
    """What tells the items of a list apart, as it stands in a change's path."""
    own = items_of(item).key
    return own(item) if own else ""


def labels(items: Sequence[Any]) -> list[str]:
    """What each item of a list is called in the paths of changes."""
    return items_of(items[0]).labels(items) if items else []


def match(observed: Sequence[Any], stated: Sequence[Any]) -> list[tuple[Any, Optional[int]]]:
    """Each stated item with the index of the observed one that it means, or None for a new one."""
    return list(zip(stated, items_of(stated[0]).match(observed, stated))) if stated else []
