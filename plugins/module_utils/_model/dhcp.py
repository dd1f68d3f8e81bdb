# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCP leases, and the message that gives one back (RFC 2131, options of RFC 2132)."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

# op, htype, hlen, hops, xid, secs and flags, ciaddr, three other addresses, chaddr, sname and file, the magic cookie
_FIXED = struct.Struct("!4B4s4x4s12x16s192x4s")
_REQUEST, _ETHERNET = 1, 1
_COOKIE = b"\x63\x82\x53\x63"
_TYPE, _SERVER, _CLIENT, _END = 53, 54, 61, 255
_RELEASE = 7


@dataclass(frozen=True)
class Lease:
    """bridge is the host's end of the network; client is the client identifier in hex with colons, or empty."""

    network: str
    bridge: str
    address: str
    mac: str
    client: str = ""


def release_message(lease: Lease, server: str, transaction: bytes) -> bytes:
    """What the guest would have said: a DHCPRELEASE. transaction is four bytes."""
    hardware, client = _octets(lease.mac), _octets(lease.client)
    fixed = _FIXED.pack(
        _REQUEST, _ETHERNET, len(hardware), 0, transaction, _packed(lease.address), hardware, _COOKIE
    )  # fmt: skip
    options = _option(_TYPE, bytes([_RELEASE])) + _option(_SERVER, _packed(server))
    return fixed + options + (_option(_CLIENT, client) if client else b"") + bytes([_END])


def _option(code: int, value: bytes) -> bytes:
    return bytes([code, len(value)]) + value


def _octets(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _packed(address: str) -> bytes:
    return ipaddress.IPv4Address(address).packed
