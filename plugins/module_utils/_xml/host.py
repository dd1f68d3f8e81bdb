# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host can give, from libvirt's capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from .cpu import size
from .tree import parse


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


def tpms(offered: str) -> Optional[frozenset[str]]:
    """Where a TPM may come from, by what a domain is offered; nothing when it isn't said."""
    tpm = parse(offered).find("devices/tpm")
    if tpm is None:
        return None
    return frozenset(value.text or "" for value in tpm.iterfind("enum[@name='backendModel']/value"))
