# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of the hypervisor that lead to a guest's."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from .._errors import SpecError
from .value import count, mapping, sequence, shown, text, unknown_keys

KEYS = ("host_port", "guest_port", "address")
LOOPBACK = "127.0.0.1"
# What QEMU knows the forwards' network by.
FORWARD_ID = "burrow-forward"
_MOST = 65535


@dataclass(frozen=True)
class Forward:
    """TCP: address and host_port are where the hypervisor listens."""

    host_port: int
    guest_port: int
    address: str = LOOPBACK


def parse_forwards(value: object, path: str = "forwards") -> tuple[Forward, ...]:
    """From mappings; what is a Forward already stays one."""
    entries = sequence(value, path)
    forwards = tuple(_parse_forward(entry, f"{path}[{index}]") for index, entry in enumerate(entries))
    _check_ports(forwards, path)
    return forwards


def _parse_forward(value: object, path: str) -> Forward:
    if isinstance(value, Forward):
        return value
    entry = mapping(value, path)
    unknown_keys(entry, KEYS, path)
    for key in KEYS[:2]:
        if entry.get(key) is None:
            raise SpecError(f"{path}.{key}", "it is missing", "Write a port from 1 to 65535.")
    address = entry.get("address")
    return Forward(
        parse_port(entry["host_port"], f"{path}.host_port"),
        parse_port(entry["guest_port"], f"{path}.guest_port"),
        LOOPBACK if address is None else parse_address(address, f"{path}.address"),
    )


def parse_port(value: object, path: str) -> int:
    return count(value, path, least=1, most=_MOST)


def parse_address(value: object, path: str) -> str:
    line = text(value, path)
    try:
        address = ipaddress.ip_address(line)
    except ValueError:
        raise SpecError(path, f"{shown(line)} is not an IP address", "Write one as in 127.0.0.1 or 0.0.0.0.") from None
    # QEMU's hostfwd splits at colons; a scope (fe80::1%eth0) has no place in it.
    if "%" in line:
        raise SpecError(path, f"{shown(line)} has a scope", "Write an address without one.")
    return str(address)


def _check_ports(forwards: Sequence[Forward], path: str) -> None:
    for index, forward in enumerate(forwards):
        for other, earlier in enumerate(forwards[:index]):
            if forward.host_port == earlier.host_port and _overlap(forward.address, earlier.address):
                taken = f"port {forward.host_port} of {forward.address} is {path}[{other}]'s ({earlier.address})"
                raise SpecError(f"{path}[{index}].host_port", taken, "Give each forward a host port of its own.")


def _overlap(one: str, other: str) -> bool:
    """The same address, or one of them listens on every address; [::] takes IPv4 too (Linux, bindv6only=0)."""
    if one == other or "::" in (one, other):
        return True
    return "0.0.0.0" in (one, other) and ":" not in one + other  # noqa: S104 (it is compared, not bound)
