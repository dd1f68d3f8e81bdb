# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IPv4 subnets that this host has routes to."""

from __future__ import annotations

import ipaddress
import socket
import struct

_TABLE = "/proc/net/route"


def routes() -> dict[str, str]:
    """subnet -> interface. The default route is none: it leads everywhere."""
    try:
        with open(_TABLE, encoding="ascii") as stream:
            lines = stream.read().splitlines()[1:]
    except OSError:
        return {}
    found = {}
    for line in lines:
        fields = line.split()
        destination, mask = _address(fields[1]), _address(fields[7])
        if mask != "0.0.0.0":  # noqa: S104 (it is compared, not bound)
            found[str(ipaddress.IPv4Network(f"{destination}/{mask}", strict=False))] = fields[0]
    return found


def _address(word: str) -> str:
    """The kernel shows the bytes in the order of the machine."""
    return socket.inet_ntoa(struct.pack("=I", int(word, 16)))
