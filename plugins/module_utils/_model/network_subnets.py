# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subnets of networks, IPv4 and IPv6."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Optional, Union

from .._errors import SpecError
from . import value

Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

# A bridge's address and a guest's need room, and a larger net than this is a slip.
_PREFIXES = (16, 29)
# Guests make their addresses themselves (SLAAC) in a net of this size only (RFC 4862, RFC 7421).
_PREFIX6 = 64
_PRIVATE_HINT = "Use one of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16; modes routed and open take any."


def parse_subnet(stated: object, path: str = "subnet") -> ipaddress.IPv4Network:
    try:
        subnet = ipaddress.IPv4Network(str(stated), strict=True)
    except ValueError:
        hint = "Write a network with its prefix, as in 10.77.0.0/24."
        raise SpecError(path, f"{value.shown(stated)} is not an IPv4 subnet", hint) from None
    least, most = _PREFIXES
    if not least <= subnet.prefixlen <= most:
        raise SpecError(
            path, f"{value.shown(stated)} has prefix {subnet.prefixlen}", f"Use one from {least} to {most}."
        )
    if subnet.is_loopback or subnet.is_link_local or subnet.is_unspecified or subnet.is_multicast:
        raise SpecError(path, f"{value.shown(stated)} is not a private subnet", _PRIVATE_HINT)
    return subnet


def check_private(subnet: str, path: str = "subnet") -> None:
    """Of an address that others have, guests behind NAT would never reach the owner."""
    if not ipaddress.IPv4Network(subnet).is_private:
        raise SpecError(path, f"{value.shown(subnet)} is not a private subnet", _PRIVATE_HINT)


def parse_subnet6(stated: object, path: str = "subnet6") -> ipaddress.IPv6Network:
    hint = "Write a network with prefix 64, as in fd77:0:0:1::/64."
    try:
        subnet = ipaddress.IPv6Network(str(stated), strict=True)
    except ValueError:
        raise SpecError(path, f"{value.shown(stated)} is not an IPv6 subnet", hint) from None
    if subnet.prefixlen != _PREFIX6:
        problem = f"{value.shown(stated)} has prefix {subnet.prefixlen}, with which guests get no address by themselves"
        raise SpecError(path, problem, hint)
    # Routers forward 2000::/3 and fc00::/7, and nothing else that a host can have.
    address = subnet.network_address
    if not (address in ipaddress.IPv6Network("2000::/3") or address in ipaddress.IPv6Network("fc00::/7")):
        problem = f"{value.shown(stated)} is neither a private nor a global subnet"
        raise SpecError(path, problem, "Use one below fd00::/8.")
    return subnet


def bridge_address(subnet: str) -> str:
    """The host's own address in the network: the first one."""
    return str(ipaddress.ip_network(subnet).network_address + 1)


def dhcp_range(subnet: str) -> tuple[str, str]:
    """All addresses but the host's. Of IPv6 those that libvirt takes: it refuses a range of more than 65535."""
    network = ipaddress.ip_network(subnet)
    if network.version == 6:
        return str(network.network_address + 0x100), str(network.network_address + 0xFFFF)
    return str(network.network_address + 2), str(network.broadcast_address - 1)


def is_host_of(address: str, subnet: str) -> bool:
    """Whether a host of the subnet can have the address."""
    network, host = ipaddress.ip_network(subnet), ipaddress.ip_address(address)
    ends = (network.network_address, network.broadcast_address) if network.version == 4 else (network.network_address,)
    return host in network and host not in ends


def overlapping(subnet: str, taken: Mapping[str, str]) -> Optional[str]:
    """Who has (a part of) the subnet already, or None. taken: subnet -> its owner in words."""
    wanted = ipaddress.ip_network(subnet)
    return next((owner for other, owner in taken.items() if _overlap(wanted, ipaddress.ip_network(other))), None)


def _overlap(one: Subnet, other: Subnet) -> bool:
    if isinstance(one, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and one.overlaps(other)
    return isinstance(other, ipaddress.IPv6Network) and one.overlaps(other)


def free_subnet(taken: Iterable[str]) -> str:
    """The first subnet that nothing on this host uses."""
    used = [ipaddress.ip_network(subnet) for subnet in taken]
    for candidate in _candidates():
        if not any(_overlap(candidate, other) for other in used):
            return str(candidate)
    raise SpecError("subnet", "each of the subnets that are tried is in use on this host", "State one.")


def _candidates() -> Iterator[ipaddress.IPv4Network]:
    for block in ("10.77.0.0/16", "172.27.0.0/16", "192.168.0.0/16"):
        yield from ipaddress.IPv4Network(block).subnets(new_prefix=24)
