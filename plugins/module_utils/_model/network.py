# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt network: what may be said of one. None is unstated, or absent in what is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .._errors import SpecError
from . import value
from .arguments import LIBVIRT, STORE, URI
from .names import parse_name
from .network_lists import DnsHost, Forwarder, Reservation, dns_hosts, forwarders, host_name, reservations
from .network_subnets import check_private, parse_subnet, parse_subnet6
from .options import arguments, boolean, kind, one_of, option, options, parse_rows
from .paths import DATA

MODES = ("nat", "routed", "isolated", "open", "bridge")
STATES = ("present", "absent")
POLICIES = ("refuse", "now")
# Their subnets may be those that the world knows.
_FORWARDING = ("routed", "open")
# What takes away what a network has one of.
NONE = "none"

# IFNAMSIZ of Linux is 16, with the closing zero.
_bridge = kind("str")(
    value.matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}",
        "is not the name of an interface",
        "Use 1 to 15 letters, digits, dots, hyphens and underscores, as in br0.",
    )
)


@kind("str")
def _subnet(stated: object, path: str) -> str:
    return NONE if stated == NONE else str(parse_subnet(stated, path))


@kind("str")
def _subnet6(stated: object, path: str) -> str:
    return NONE if stated == NONE else str(parse_subnet6(stated, path))


@kind("str", read=str.lower)
def _domain(stated: object, path: str) -> str:
    return str(host_name(stated, path))


_autostart = kind("bool", default=True)(value.boolean)


@dataclass(frozen=True)
class Network:
    """mode may also be one of libvirt's own that we only read; subnets are written as in 10.77.0.0/24.

    autostart is libvirt's own note, all else is in the XML.
    """

    mode: Optional[str] = option("mode", "restart", one_of(*MODES))
    bridge: Optional[str] = option("bridge", "restart", _bridge, "bridge@name")
    subnet: Optional[str] = option("subnet", "restart", _subnet)
    subnet6: Optional[str] = option("subnet6", "restart", _subnet6)
    dhcp: Optional[bool] = option("dhcp", "restart", boolean)
    dhcp6: Optional[bool] = option("dhcp6", "restart", boolean)
    domain: Optional[str] = option("domain", "restart", _domain, "domain@name")
    dns: Optional[bool] = option("dns", "restart", boolean)
    dns_forwarders: Optional[tuple[Forwarder, ...]] = option("dns_forwarders", "restart", forwarders)
    dns_hosts: Optional[tuple[DnsHost, ...]] = option("dns_hosts", "live", dns_hosts)
    reservations: Optional[tuple[Reservation, ...]] = option("reservations", "live", reservations)
    autostart: Optional[bool] = option("autostart", "live", _autostart)


LISTS = ("reservations", "dns_hosts", "dns_forwarders")
IMPACTS = {attribute: row.impact for attribute, row in options(Network)}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": list(STATES), "default": "present"},
    **arguments(Network),
    "purge": {"type": "list", "elements": "str", "choices": list(LISTS)},
    "restart_policy": {"type": "str", "choices": list(POLICIES), "default": "refuse"},
    **LIBVIRT,
    **STORE,
}


@dataclass(frozen=True)
class Request:
    """purge names the lists from which goes what isn't stated."""

    name: str
    state: str
    stated: Network
    policy: str
    purge: tuple[str, ...] = ()
    uri: str = URI
    data: str = DATA


def parse_request(params: Mapping[str, Any]) -> Request:
    given = {key: entry for key, entry in params.items() if entry is not None}
    stated = Network(**parse_rows(Network, given, ""))
    if stated.subnet not in (None, NONE) and stated.mode not in _FORWARDING:
        check_private(str(stated.subnet))
    return Request(
        name=parse_name(given.get("name")),
        state=value.choice(given.get("state", "present"), "state", STATES),
        stated=stated,
        policy=value.choice(given.get("restart_policy", "refuse"), "restart_policy", POLICIES),
        purge=_purge(given.get("purge", []), stated),
        uri=value.text(given.get("uri", URI), "uri"),
        data=value.absolute_path(given.get("data", DATA), "data"),
    )


def _purge(stated: object, network: Network) -> tuple[str, ...]:
    names = []
    for index, entry in enumerate(value.sequence(stated, "purge")):
        name = value.choice(entry, f"purge[{index}]", LISTS)
        if getattr(network, name) is None:
            raise SpecError(f"purge[{index}]", f"{name} isn't stated", f"State it, if only as `{name}: []`.")
        names.append(name)
    return tuple(names)
