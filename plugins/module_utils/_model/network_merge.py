# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network after what was asked for: stated fields are taken, all else stays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .network import LISTS, NONE, Network, Request
from .network_lists import facet, merge_items, plain
from .network_subnets import free_subnet
from .options import options

# Networks with a bridge of their own, to which libvirt gives addresses and a dnsmasq.
OWN_BRIDGE = ("nat", "routed", "isolated", "open")
SUBNETS = {4: "subnet", 6: "subnet6"}
DHCP = {4: "dhcp", 6: "dhcp6"}
# What all others have of that.
BARE: Mapping[str, Any] = {
    "subnet": None,
    "subnet6": None,
    "dhcp": False,
    "dhcp6": False,
    "domain": None,
    "dns": False,
    **dict.fromkeys(LISTS, ()),
}


def merge(observed: Network, request: Request, taken: Mapping[str, str]) -> Network:
    """observed with what is stated laid over it. taken: subnet -> whose it is."""
    found: dict[str, Any] = {}
    for attribute, _option in options(Network):
        stated = getattr(request.stated, attribute)
        if stated is None:
            continue
        if attribute in LISTS:
            found[attribute] = merge_items(getattr(observed, attribute) or (), stated, attribute in request.purge)
        else:
            found[attribute] = None if stated == NONE else stated
    mode = found.get("mode", observed.mode)
    had, has = observed.mode in OWN_BRIDGE, mode in OWN_BRIDGE
    if had and not has:
        found = {**BARE, **found}
    elif has and not had:
        found = {**_new(request, taken), **found}
    return _settle(dataclasses.replace(observed, **found))


def create(request: Request, taken: Mapping[str, str]) -> Network:
    """A new network: what is stated, then NAT, DHCP and the first free subnet."""
    mode = request.stated.mode or "nat"
    stated = dataclasses.replace(request.stated, mode=mode)
    return merge(Network(**BARE), dataclasses.replace(request, stated=stated), taken)


def _new(request: Request, taken: Mapping[str, str]) -> dict[str, Any]:
    """What a network has that gets a bridge of its own, where nothing else is stated."""
    subnet = request.stated.subnet or free_subnet(taken)
    return {"bridge": None, "subnet": subnet, "dhcp": subnet != NONE, "dns": True}


def _settle(network: Network) -> Network:
    """Take away what goes with a subnet, with DHCP or with DNS: libvirt has no place for it any more."""
    gone: dict[str, Any] = {}
    kept = network.reservations or ()
    for version, name in SUBNETS.items():
        if getattr(network, name) is None and getattr(network, DHCP[version]):
            gone[DHCP[version]] = False
        if getattr(network, name) is None or not getattr(network, DHCP[version]):
            kept = tuple(item for item in kept if item.version != version)
    if network.dns is False:
        gone.update(dns_hosts=(), dns_forwarders=())
    return dataclasses.replace(network, reservations=kept, **gone)


def facets(network: Network) -> dict[str, object]:
    """path -> value of all that the network has, as changes are found and shown by it."""
    found: dict[str, object] = {}
    for attribute, _option in options(Network):
        held = getattr(network, attribute)
        if attribute in LISTS:
            found.update({f"{attribute}[{item.key}]": facet(item) for item in held or ()})
        elif held is not None:
            found[attribute] = held
    return found


def view(network: Network) -> dict[str, object]:
    """The network in the shape of the options."""
    return {
        attribute: [plain(item) for item in getattr(network, attribute) or ()]
        if attribute in LISTS
        else getattr(network, attribute)
        for attribute, _option in options(Network)
    }
