# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which guests of a run live on which hypervisor: worked out once for all of them, not by each for itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def places(hosts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What is done once per hypervisor, and by whom.

    hosts are the guests' variables. hypervisors: name -> `first`, the guest that acts for all there, and `preflight`,
    what each of them needs. refused: the guests whose variables are wrong.
    """
    refused: list[str] = []
    hypervisors: dict[str, dict[str, Any]] = {}
    for host in hosts:
        spec = host.get("__guest_spec")
        if not isinstance(spec, Mapping):
            continue
        place = hypervisors.setdefault(str(spec["hypervisor"]), {"first": str(spec["name"]), "preflight": []})
        if "error" in spec:
            refused.append(str(spec["name"]))
        elif "preflight" in spec:
            place["preflight"].append(spec["preflight"])
    return {"refused": refused, "hypervisors": hypervisors}
