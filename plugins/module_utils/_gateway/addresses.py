# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of a running guest, as libvirt knows them."""

from __future__ import annotations

from typing import Any

from .libvirt import Connection, failing, vanishing

# virDomainInterfaceAddressesSource
_SOURCES = {"lease": 0, "agent": 1, "arp": 2}


def find_addresses(connection: Connection, name: str, source: str = "lease") -> dict[str, list[str]]:
    """MAC -> addresses; source is "lease", "agent" or "arp". Empty when it can't tell."""
    handle = connection.find_domain(name)
    return {} if handle is None else addresses_of(handle, name, source)


def addresses_of(handle: Any, name: str, source: str) -> dict[str, list[str]]:
    """As find_addresses, by libvirt's own handle of the domain."""
    with vanishing(), failing("ask for addresses", name):
        found = handle.interfaceAddresses(_SOURCES[source], 0)
        return {
            str(value.get("hwaddr") or "").lower(): [str(entry["addr"]) for entry in value.get("addrs") or ()]
            for value in found.values()
        }
    return {}


def known_addresses(connection: Connection, name: str) -> dict[str, list[str]]:
    """MAC -> addresses: what libvirt's DHCP server gave out, else whom the host's kernel has met."""
    return find_addresses(connection, name, "lease") or find_addresses(connection, name, "arp")
