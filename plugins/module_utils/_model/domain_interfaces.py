# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network interfaces of a domain: what may be said of one, how one is found again, and what none can be."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Optional

from .._errors import SpecError
from . import device_values as values
from . import domain_values
from .items import Items
from .options import one_of, option
from .size import format_size

TYPES = ("network", "bridge", "direct", "user")
MODELS = ("virtio", "e1000e", "e1000", "rtl8139")
MODES = ("bridge", "vepa", "private", "passthrough")
# QEMU's own network has no other side on the host.
USER, DIRECT = "user", "direct"
UP = "up"


def _link(observed: Optional[str], stated: str) -> Optional[str]:
    """A link of which nothing is said is up."""
    return None if observed is None and stated == UP else stated


def _several(_observed: Optional[int], stated: int) -> Optional[int]:
    """libvirt doesn't keep that there is one."""
    return None if stated == 1 else stated


@dataclass(frozen=True)
class Interface:
    """The rates of bandwidth are averages; what else is said of them in the XML stays."""

    type: Optional[str] = option("type", "restart", one_of(*TYPES))
    source: Optional[str] = option("source", "restart", domain_values.word)
    mac: Optional[str] = option("mac", "restart", domain_values.mac, "mac@address")
    model: Optional[str] = option("model", "restart", one_of(*MODELS), "model@type")
    mode: Optional[str] = option("mode", "restart", one_of(*MODES), "source@mode")
    link: Optional[str] = option("link", "live", one_of(UP, "down"), "link@state", merge=_link)
    vlan: Optional[int] = option("vlan", "restart", values.vlan, merge=domain_values.unless_none)
    filter: Optional[str] = option(
        "filter", "live", domain_values.word, "filterref@filter", merge=domain_values.unless_none
    )
    queues: Optional[int] = option("queues", "restart", values.queues, "driver@queues", merge=_several)
    boot_order: Optional[int] = option("boot_order", "restart", values.boot_order, "boot@order")
    inbound: Optional[int] = option(
        "bandwidth.inbound", "live", values.bandwidth, merge=domain_values.unless_none, show=format_size
    )
    outbound: Optional[int] = option(
        "bandwidth.outbound", "live", values.bandwidth, merge=domain_values.unless_none, show=format_size
    )


def match_interfaces(observed: Sequence[Interface], stated: Sequence[Interface]) -> list[Optional[int]]:
    """By MAC where one is stated, else by what it is attached to, and what is left over in its order."""
    found: list[Optional[int]] = [_index(observed, item) for item in stated]
    free = [index for index in range(len(observed)) if index not in found]
    for number, item in enumerate(stated):
        if item.mac is None and item.source is not None:
            index = next((place for place in free if _same_network(observed[place], item)), None)
            if index is not None:
                found[number] = index
                free.remove(index)
    for number, item in enumerate(stated):
        if item.mac is None and found[number] is None and free:
            found[number] = free.pop(0)
    return found


def _index(observed: Sequence[Interface], stated: Interface) -> Optional[int]:
    places = (index for index, item in enumerate(observed) if stated.mac is not None and item.mac == stated.mac)
    return next(places, None)


def _same_network(observed: Interface, stated: Interface) -> bool:
    return stated.source == observed.source and stated.type in (None, observed.type)


def _complete_interface(
    before: Optional[Interface], interface: Interface, _others: Sequence[Interface], _machine: str
) -> Interface:
    """An interface with what a new one is when nothing is stated, and without what its type doesn't have."""
    kind = interface.type or "network"
    turned = before is None or before.type != kind
    return dataclasses.replace(
        interface,
        type=kind,
        source=None if kind == USER else interface.source,
        # libvirt's own choice, vepa, needs a switch that sends frames back.
        mode=(interface.mode or ("bridge" if turned else None)) if kind == DIRECT else None,
        model=interface.model or ("virtio" if before is None else None),
    )


_HINT = "Leave it out, or choose another type."
# What libvirt or QEMU would refuse, perhaps only when the guest starts, or would ignore: option, when, why, hint.
_RULES: tuple[tuple[str, Callable[[Interface], bool], str, str], ...] = (
    (
        "filter",
        lambda item: item.filter is not None and item.type not in ("network", "bridge"),
        "only interfaces of type network and bridge are filtered",
        _HINT,
    ),
    (
        "vlan",
        lambda item: item.vlan is not None and item.type == USER,
        "QEMU's own network has no VLAN",
        _HINT,
    ),
    (
        "vlan",
        lambda item: item.vlan is not None and item.type == DIRECT and item.mode != "passthrough",
        "an interface of the host has VLANs for guests only in mode passthrough, where it is a virtual function",
        "Leave it out, or make an interface of the VLAN on the host and name that.",
    ),
    (
        "bandwidth",
        lambda item: (item.inbound or item.outbound) is not None and item.type == USER,
        "QEMU's own network has no limits",
        _HINT,
    ),
    (
        "queues",
        lambda item: (item.queues or 1) > 1 and (item.type == USER or item.model != "virtio"),
        "only virtio has several queues, and not on QEMU's own network",
        "Leave it out, or choose model virtio.",
    ),
)


def _check_interface(
    path: str, before: Optional[Interface], interface: Interface, _others: Sequence[Interface]
) -> None:
    """Raise for what can't be."""
    # What others made may be attached to something of another kind.
    turned = before is None or before.type != interface.type
    if interface.source is None and interface.type in ("network", "bridge", DIRECT) and turned:
        raise SpecError(f"{path}.source", "it is missing", "Name the network, the bridge, or the host's interface.")
    for attribute, broken, problem, hint in _RULES:
        if broken(interface):
            raise SpecError(f"{path}.{attribute}", problem, hint)


INTERFACES = Items(
    Interface,
    lambda interface: str(interface.mac),
    ("mac",),
    _complete_interface,
    _check_interface,
    own_match=match_interfaces,
)
