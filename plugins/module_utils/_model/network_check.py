# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for and can't hold in the network as it would be. Most of it libvirt takes without a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from .._errors import SpecError
from .network import NONE, Network
from .network_lists import Reservation
from .network_merge import BARE, DHCP, OWN_BRIDGE, SUBNETS
from .network_subnets import is_host_of


def check(stated: Network, before: Network, after: Network, addresses: Mapping[str, Optional[str]]) -> None:
    """addresses: subnet -> the host's own in it, by the names of the options."""
    if after.mode not in OWN_BRIDGE:
        _check_bare(stated, after)
        return
    _check_dhcp(stated, after)
    _check_dns(stated, after)
    for index, item in enumerate(stated.reservations or ()):
        _check_reservation(f"reservations[{index}]", item, after, addresses)
        _check_others(f"reservations[{index}]", item, after)
    for name in SUBNETS.values():
        if getattr(before, name) != getattr(after, name):
            _check_left_behind(name, stated, after, addresses)


def _check_bare(stated: Network, after: Network) -> None:
    if stated.mode == "bridge" and after.bridge is None:
        raise SpecError("bridge", "mode bridge needs a bridge of the host", "State its name, as in bridge: br0.")
    for name in BARE:
        if getattr(stated, name) not in (None, NONE, False, ()):
            problem = f"in mode {after.mode} libvirt gives no addresses and answers no queries"
            hint = f"Leave {name} out (the network behind the bridge has its own), or take another mode."
            raise SpecError(name, problem, hint)


def _check_dhcp(stated: Network, after: Network) -> None:
    for version, name in DHCP.items():
        if getattr(stated, name) and getattr(after, SUBNETS[version]) is None:
            problem = f"the network has no IPv{version} subnet to give addresses from"
            raise SpecError(name, problem, f"State {SUBNETS[version]}.")


def _check_dns(stated: Network, after: Network) -> None:
    for name in ("dns_hosts", "dns_forwarders"):
        if after.dns is False and getattr(stated, name):
            raise SpecError(name, "the network answers no queries", "State dns: true, or leave it out.")


def _check_reservation(path: str, item: Reservation, after: Network, addresses: Mapping[str, Optional[str]]) -> None:
    name, dhcp = SUBNETS[item.version], DHCP[item.version]
    subnet = getattr(after, name)
    if not getattr(after, dhcp):
        hint = f"State {dhcp}: true" + ("." if subnet else f", and {name}.")
        raise SpecError(path, f"the network has no DHCP for IPv{item.version}", hint)
    if not is_host_of(str(item.address), subnet):
        raise SpecError(f"{path}.address", f"{item.address} is no guest's address in {subnet}", "State one inside it.")
    if item.address == addresses.get(name):
        raise SpecError(f"{path}.address", f"{item.address} is the host's own address in it", "State another one.")


def _check_others(path: str, item: Reservation, after: Network) -> None:
    """Not in what others reserved either: dnsmasq doesn't start with an address or a name given twice."""
    for other in after.reservations or ():
        if other.key == item.key or other.version != item.version:
            continue
        for name in ("address", "name"):
            if getattr(item, name) is not None and getattr(item, name) == getattr(other, name):
                problem = f"{getattr(item, name)} is reserved for {other.key} already"
                hint = "State another one, or put reservations into purge: what isn't stated then goes."
                raise SpecError(f"{path}.{name}", problem, hint)


def _check_left_behind(name: str, stated: Network, after: Network, addresses: Mapping[str, Optional[str]]) -> None:
    """What was reserved in the former subnet, by us or by others, and isn't stated now."""
    subnet, kept = getattr(after, name), {item.key for item in stated.reservations or ()}
    for item in after.reservations or ():
        if SUBNETS[item.version] != name or item.key in kept or item.address is None:
            continue
        if not is_host_of(item.address, subnet) or item.address == addresses.get(name):
            problem = f"{item.address}, reserved for {item.key}, is no guest's address in {subnet}"
            raise SpecError(name, problem, "State that reservation anew, or put reservations into purge.")
