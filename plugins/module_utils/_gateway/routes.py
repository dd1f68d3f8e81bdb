# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The subnets that this host has routes to, and its interfaces."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct

_TABLE = "/proc/net/route"
_TABLE6 = "/proc/net/ipv6_route"
_INTERFACES = "/sys/class/net"


def routes() -> dict[str, str]:
    """subnet -> interface. The default route is none: it leads everywhere."""
    found = {}
    for fields in _lines(_TABLE)[1:]:
        destination, mask = _address(fields[1]), _address(fields[7])
        if mask != "0.0.0.0":  # noqa: S104 (it is compared, not bound)
            found[str(ipaddress.IPv4Network(f"{destination}/{mask}", strict=False))] = fields[0]
    for fields in _lines(_TABLE6):
        subnet = ipaddress.IPv6Network((int(fields[0], 16), int(fields[1], 16)), strict=False)
        # Single addresses are the host's own; each interface has link-local ones and multicast.
        if 0 < subnet.prefixlen < 128 and not subnet.is_link_local and not subnet.is_multicast:
            found[str(subnet)] = fields[-1]
    return found


def interfaces() -> dict[str, bool]:
    """interface -> whether it is a bridge."""
    try:
        names = os.listdir(_INTERFACES)
    except OSError:
        return {}
    return {name: os.path.isdir(os.path.join(_INTERFACES, name, "bridge")) for name in names}


def _lines(path: str) -> list[list[str]]:
    try:
        with open(path, encoding="ascii") as stream:
            return [line.split() for line in stream]
    except OSError:
        return []


def _address(word: str) -> str:
    """The kernel shows the bytes in the order of the machine."""
    return socket.inet_ntoa(struct.pack("=I", int(word, 16)))
