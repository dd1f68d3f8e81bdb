# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks for the tests: together they state each field of the model."""

from __future__ import annotations

from typing import Any

NAME = "lab"
CREATED = "2026-11-01T10:00:00+00:00"

# What a new network is asked to be.
SAMPLES: dict[str, dict[str, Any]] = {
    "nat": {},
    "nat6": {
        "subnet": "10.77.0.0/24",
        "subnet6": "fd77:0:0:1::/64",
        "dhcp6": True,
        "bridge": "virbr-lab",
        "domain": "Lab.Example",
        "dns_forwarders": [
            {"address": "192.0.2.53"},
            {"address": "2001:DB8::53", "domain": "corp.example"},
        ],
        "dns_hosts": [
            {"address": "10.77.0.9", "names": ["web", "Alias.lab.example"]},
            {"address": "fd77:0:0:1::9", "names": ["web"]},
        ],
        "reservations": [
            {"mac": "52:54:00:AA:00:09", "address": "10.77.0.9", "name": "web"},
            {"mac": "52:54:00:aa:00:0a", "address": "10.77.0.10"},
            {"name": "web", "address": "fd77:0:0:1:0:0:0:9"},
            {"duid": "00:03:00:01:52:54:00:AA:00:0A", "address": "fd77:0:0:1::a"},
        ],
    },
    "routed": {"mode": "routed", "subnet": "198.51.100.0/28", "subnet6": "2001:db8:0:1::/64"},
    "isolated": {"mode": "isolated", "subnet": "10.99.5.0/24", "dhcp": False, "dns": False},
    "open": {"mode": "open", "subnet": "10.99.6.0/24"},
    "ipv6_only": {"mode": "isolated", "subnet": "none", "subnet6": "fd77:0:0:2::/64"},
    "bridge": {"mode": "bridge", "bridge": "br0"},
}

# What others made, as libvirt 9.0 shows it, and what is asked of it.
FOREIGN: dict[str, dict[str, Any]] = {
    "reservations": {
        "reservations": [
            {"mac": "52:54:00:00:00:01", "address": "10.1.1.8"},
            {"mac": "52:54:00:00:00:02", "address": "10.1.1.9", "name": "new"},
        ],
    },
    "purged": {"reservations": [], "dns_hosts": [{"address": "10.1.1.9", "names": ["y"]}], "purge": ["reservations"]},
    "isolated": {"mode": "isolated"},
    "routed": {"mode": "routed"},
    "moved": {
        "subnet": "10.2.0.0/24",
        "reservations": [{"mac": "52:54:00:00:00:01", "address": "10.2.0.7"}],
        "purge": ["reservations"],
    },
    "bare": {"subnet6": "none", "domain": "none", "dhcp": False, "dns": False},
    "bridge": {"mode": "bridge", "bridge": "br0"},
}
