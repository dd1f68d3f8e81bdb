# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads this host's packet filters."""

from __future__ import annotations

from .._errors import HostError
from .._model.firewall import Obstacle, obstacles_of_iptables, obstacles_of_nft
from .process import find, run

# Names the tables in use of the legacy iptables; not there when its modules never were loaded.
_LEGACY = "/proc/net/ip_tables_names"


def obstacles(bridge: str) -> tuple[Obstacle, ...]:
    """The chains that drop what guests behind the bridge send out; none where they can't be read."""
    return _nft(bridge) + _iptables(bridge)


def _nft(bridge: str) -> tuple[Obstacle, ...]:
    output = _output("nft", "-j", "list", "ruleset")
    return obstacles_of_nft(output, bridge) if output else ()


def _iptables(bridge: str) -> tuple[Obstacle, ...]:
    try:
        with open(_LEGACY, encoding="ascii") as stream:
            tables = stream.read().split()
    except OSError:
        return ()
    output = _output("iptables-legacy", "-S") if "filter" in tables else ""
    return obstacles_of_iptables(output, bridge)


def _output(*command: str) -> str:
    if find(command[0]) is None:
        return ""
    try:
        return run(command, operation="read the packet filter", obj=command[0], timeout=10.0).decode("utf-8", "replace")
    except HostError:
        return ""
