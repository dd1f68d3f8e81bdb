# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt network with a bridge of its own. None is unstated."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .._errors import SpecError
from . import value
from .arguments import URI
from .names import parse_name
from .paths import DATA

MODES = ("nat", "isolated")
STATES = ("present", "absent")
POLICIES = ("refuse", "now")
# A bridge's address and a guest's need room, and a larger net than this is a slip.
_PREFIXES = (16, 29)


@dataclass(frozen=True)
class Network:
    """mode may also be one of libvirt's own that we only read; subnet is written as in 10.77.0.0/24."""

    mode: Optional[str] = None
    subnet: Optional[str] = None
    dhcp: Optional[bool] = None
    autostart: Optional[bool] = None


FIELDS = ("mode", "subnet", "dhcp", "autostart")
# Taken once, when a network is made. Its subnet is then the first free one.
NEW = Network(mode="nat", dhcp=True)


@dataclass(frozen=True)
class Request:
    name: str
    state: str
    stated: Network
    policy: str
    uri: str = URI
    data: str = DATA


def parse_request(params: Mapping[str, Any]) -> Request:
    given = {key: entry for key, entry in params.items() if entry is not None}
    return Request(
        name=parse_name(given.get("name")),
        state=value.choice(given.get("state", "present"), "state", STATES),
        stated=Network(
            mode=value.choice(given["mode"], "mode", MODES) if "mode" in given else None,
            subnet=str(parse_subnet(given["subnet"])) if "subnet" in given else None,
            dhcp=value.boolean(given["dhcp"], "dhcp") if "dhcp" in given else None,
            autostart=value.boolean(given["autostart"], "autostart") if "autostart" in given else None,
        ),
        policy=value.choice(given.get("restart_policy", "refuse"), "restart_policy", POLICIES),
        uri=value.text(given.get("uri", URI), "uri"),
        data=value.absolute_path(given.get("data", DATA), "data"),
    )


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
    if not subnet.is_private or subnet.is_loopback or subnet.is_link_local or subnet.is_unspecified:
        hint = "Use one of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
        raise SpecError(path, f"{value.shown(stated)} is not a private subnet", hint)
    return subnet


def bridge_address(subnet: str) -> str:
    """The host's own address in the network: the first one."""
    return str(next(ipaddress.IPv4Network(subnet).hosts()))


def dhcp_range(subnet: str) -> tuple[str, str]:
    """All addresses but the host's."""
    network = ipaddress.IPv4Network(subnet)
    return str(network.network_address + 2), str(network.broadcast_address - 1)


def overlapping(subnet: str, taken: Mapping[str, str]) -> Optional[str]:
    """Who has (a part of) the subnet already, or None. taken: subnet -> its owner in words."""
    wanted = ipaddress.IPv4Network(subnet)
    return next((owner for other, owner in taken.items() if wanted.overlaps(ipaddress.IPv4Network(other))), None)


def free_subnet(taken: Iterable[str]) -> str:
    """The first subnet that nothing on this host uses."""
    used = [ipaddress.IPv4Network(subnet) for subnet in taken]
    for candidate in _candidates():
        if not any(candidate.overlaps(other) for other in used):
            return str(candidate)
    raise SpecError("subnet", "each of the subnets that are tried is in use on this host", "State one.")


def _candidates() -> Iterator[ipaddress.IPv4Network]:
    for block in ("10.77.0.0/16", "172.27.0.0/16", "192.168.0.0/16"):
        yield from ipaddress.IPv4Network(block).subnets(new_prefix=24)
