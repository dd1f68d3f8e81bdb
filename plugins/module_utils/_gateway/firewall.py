# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads this host's packet filters."""

from __future__ import annotations

from .._errors import HostError
from .._model.firewall import (
    Obstacle,
    Opening,
    obstacles_of_iptables,
    obstacles_of_nft,
    openings_of_firewalld,
    openings_of_ufw,
)
from .process import find, run

# Names the tables in use of the legacy iptables; not there when its modules never were loaded.
_LEGACY = "/proc/net/ip_tables_names"

_UFW_RULES = "/etc/ufw/user.rules"
_LIBVIRT_ZONE = "/etc/firewalld/zones/libvirt.xml"


def obstacles(bridge: str) -> tuple[Obstacle, ...]:
    """The chains that drop what guests behind the bridge send; none where they can't be read."""
    if find("nft") is None:
        # Its tables are also those of an iptables that works by nftables.
        return obstacles_of_iptables(_output("iptables", "-S"), bridge)
    return obstacles_of_nft(_output("nft", "-j", "list", "ruleset"), bridge) + _legacy(bridge)


def _legacy(bridge: str) -> tuple[Obstacle, ...]:
    output = _output("iptables-legacy", "-S") if "filter" in _text(_LEGACY).split() else ""
    return obstacles_of_iptables(output, bridge)


def openings(bridge: str) -> tuple[Opening, ...]:
    """What role hypervisor opened in firewalls that keep their rules."""
    return openings_of_ufw(_text(_UFW_RULES)) + _zone(bridge)


def _zone(bridge: str) -> tuple[Opening, ...]:
    zone = _text(_LIBVIRT_ZONE)
    # Asking takes a second; a package that was removed leaves its files behind.
    if not openings_of_firewalld(zone, bridge, running=True) or find("firewall-cmd") is None:
        return ()
    return openings_of_firewalld(zone, bridge, running=bool(_output("firewall-cmd", "--state")))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _output(*command: str) -> str:
    if find(command[0]) is None:
        return ""
    try:
        return run(command, operation="read the packet filter", obj=command[0], timeout=10.0).decode("utf-8", "replace")
    except HostError:
        return ""
