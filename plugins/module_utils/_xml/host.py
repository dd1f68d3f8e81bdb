# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host can give, from libvirt's capabilities."""

from __future__ import annotations

from collections.abc import Mapping

from .cpu import size
from .tree import parse

# device -> the list of what it may be, in the capabilities of a domain
_OFFERS = {"tpm": "backendModel", "graphics": "type", "video": "modelType"}


def cpus(capabilities: str) -> frozenset[int]:
    """The host's CPUs; none when it isn't said."""
    return frozenset(
        int(cpu.get("id", "")) for cpu in parse(capabilities).iterfind("host/topology/cells/cell/cpus/cpu")
    )


def pages(capabilities: str) -> Mapping[int, int]:
    """size of a page -> memory that is set aside in pages of it, both in bytes; none when it isn't said."""
    found: dict[int, int] = {}
    for element in parse(capabilities).iterfind("host/topology/cells/cell/pages"):
        one = size(element.get("size", ""), element.get("unit"))
        found[one] = found.get(one, 0) + one * int(element.text or "0")
    return found


def offers(offered: str) -> Mapping[str, frozenset[str]]:
    """device -> what a domain may have of it; a device of which nothing is said is missing."""
    devices = ((name, parse(offered).find(f"devices/{name}")) for name in _OFFERS)
    return {
        name: frozenset(value.text or "" for value in element.iterfind(f"enum[@name='{_OFFERS[name]}']/value"))
        for name, element in devices
        if element is not None
    }
