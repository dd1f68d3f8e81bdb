# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of the hypervisor that lead to a guest's."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .._errors import SpecError
from .value import count, mapping, sequence, shown, text, unknown_keys

KEYS = ("host_port", "guest_port", "address")
LOOPBACK = "127.0.0.1"
_MOST = 65535
_SHORT = re.compile(r"(?:(?P<address>\[[^\[\]]*\]|[^:]*):)?(?P<host_port>[^:]*):(?P<guest_port>[^:]*)")


@dataclass(frozen=True)
class Forward:
    """TCP: address and host_port are where the hypervisor listens."""

    host_port: int
    guest_port: int
    address: str = LOOPBACK


def parse_forwards(value: object, path: str = "forwards") -> tuple[Forward, ...]:
    entries = sequence(value, path)
    forwards = tuple(_parse_forward(entry, f"{path}[{index}]") for index, entry in enumerate(entries))
    _check_ports(forwards, path)
    return forwards


def _parse_forward(value: object, path: str) -> Forward:
    if isinstance(value, str):
        return _from_text(value, path)
    # YAML 1.1 reads an unquoted 22:22 as a number of base 60.
    if isinstance(value, int) and not isinstance(value, bool):
        raise SpecError(path, f"{value} is a number", 'YAML reads 22:22 as one. Write it in quotes, as in "8022:22".')
    entry = mapping(value, path)
    unknown_keys(entry, KEYS, path)
    for key in KEYS[:2]:
        if entry.get(key) is None:
            raise SpecError(f"{path}.{key}", "it is missing", "Write a port from 1 to 65535.")
    address = entry.get("address")
    return Forward(
        _port(entry["host_port"], f"{path}.host_port"),
        _port(entry["guest_port"], f"{path}.guest_port"),
        LOOPBACK if address is None else _address(address, f"{path}.address"),
    )


def _from_text(value: str, path: str) -> Forward:
    match = _SHORT.fullmatch(value.strip())
    if match is None:
        raise SpecError(path, f"{shown(value)} is not a forward", 'Write "8080:80" or "127.0.0.1:8080:80".')
    address = match["address"]
    return Forward(
        _port(match["host_port"], path),
        _port(match["guest_port"], path),
        LOOPBACK if address is None else _address(address.strip("[]"), path),
    )


def _port(value: object, path: str) -> int:
    return count(value, path, least=1, most=_MOST)


def _address(value: object, path: str) -> str:
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
