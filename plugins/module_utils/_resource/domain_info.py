# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is of domains: nothing is changed."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .._errors import HostError
from .._gateway import guest_files
from .._gateway.libvirt import Connection, DomainState
from .._gateway.libvirt_stats import Seen, addresses, block_job, survey
from .._model import value
from .._model.arguments import URI
from .._model.domain import Definition
from .._model.domain_merge import view
from .._model.domain_options import as_options
from .._model.domain_reason import job_word, reason_word
from .._model.names import parse_name
from .._model.snapshot import view as snapshot_view
from .._plan import Action, Plan
from .._xml import domain as xml
from .._xml import snapshot as snapshot_xml
from .._xml.domain_facts import DiskPlace, agent_answers, disk_places
from .domain_beneath import beneath
from .domain_pending import live_differences

# In this order: a lease is known to libvirt itself, the ARP table also knows guests without DHCP, and the agent tells
# of networks inside the guest as well.
_SOURCES = ("lease", "arp", "agent")
# libvirt counts in KiB here.
_KIB = 1024
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class DomainInfo:
    """The domains of a hypervisor, or those of these names."""

    connection: Connection
    names: Optional[frozenset[str]] = None
    owned_only: bool = False

    @property
    def lock(self) -> Optional[str]:
        return None

    def observe(self) -> list[dict[str, object]]:
        return [found for seen in survey(self.connection, self.names) for found in self._shown(seen)]

    def plan(self, state: list[dict[str, object]]) -> Plan:  # noqa: ARG002
        return Plan()

    def perform(self, action: Action) -> None:
        raise AssertionError(f"domain_info never acts: {action}")

    def result(self, state: list[dict[str, object]], plan: Plan, planned: bool) -> object:  # noqa: ARG002
        return state

    def _shown(self, seen: Seen) -> Iterator[dict[str, object]]:
        domain = seen.domain
        # Most have no snapshots, and their files' stamps are not looked for.
        below = beneath(domain, _origin) if seen.snapshots else domain
        definition = dataclasses.replace(xml.read(below.xml), autostart=domain.autostart)
        if self.owned_only and not definition.owned:
            return
        known = _addresses(seen) if domain.active else {source: [] for source in _SOURCES}
        yield {
            **view(domain.name, definition, domain.state, domain.uuid),
            "reason": reason_word(seen.number, seen.reason),
            "persistent": domain.persistent,
            "managed_save": domain.saved,
            "addresses": _best(known),
            "addresses_by_source": known,
            "storage": [_storage(seen, disk) for disk in disk_places(domain.live_xml or domain.xml)],
            "statistics": _statistics(seen),
            "snapshots": _snapshots(seen),
            **_waiting(below, definition),
            "definition": as_options(domain.name, definition),
        }


def _origin(disk: str) -> Optional[tuple[str, str]]:
    """Who may ask libvirt need not be allowed to read what is noted beside a disk."""
    with contextlib.suppress(HostError):
        return guest_files.before_snapshots(disk)
    return None


def _waiting(domain: DomainState, definition: Definition) -> dict[str, object]:
    """In what the running guest isn't as it is defined, and which options wait for its restart."""
    if domain.live_xml is None or not domain.persistent:
        return {"differences": [], "restart_required": []}
    live = dataclasses.replace(xml.read(domain.live_xml), autostart=domain.autostart)
    found = live_differences(live, definition)
    return {
        "differences": [
            {"path": change.path, "live": change.before, "persistent": change.after, "impact": change.impact}
            for change in found
        ],
        "restart_required": sorted(change.path for change in found if change.impact != "live"),
    }


def _addresses(seen: Seen) -> dict[str, list[dict[str, str]]]:
    """source -> MAC and address. A guest's agent is asked only when it is there: else libvirt waits for it."""
    asked = [source for source in _SOURCES if source != "agent" or agent_answers(seen.domain.live_xml or "")]
    return {source: _plain(addresses(seen, source)) if source in asked else [] for source in _SOURCES}


def _plain(found: Mapping[str, Iterable[str]]) -> list[dict[str, str]]:
    return [{"mac": mac, "address": some} for mac, held in sorted(found.items()) for some in held if _is_address(some)]


def _is_address(text: str) -> bool:
    """Whether it is one by which the guest may be reached. An agent tells what it likes."""
    try:
        return not ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _best(known: Mapping[str, list[dict[str, str]]]) -> list[str]:
    return next((sorted({one["address"] for one in known[source]}) for source in _SOURCES if known[source]), [])


def _storage(seen: Seen, disk: DiskPlace) -> dict[str, object]:
    numbers = _of_disk(seen.statistics, disk.target)
    # libvirt has none of these when it could not ask QEMU at once; then it would have to wait for the job as well.
    answers = seen.domain.active and "rd.reqs" in numbers
    return {
        "name": disk.name,
        "target": disk.target,
        "source": disk.source,
        **{word: numbers.get(word) for word in ("capacity", "allocation", "physical")},
        "job": _job(seen, disk) if answers and not disk.readonly else None,
    }


def _snapshots(seen: Seen) -> list[dict[str, object]]:
    names = {disk.target: disk.name for disk in disk_places(seen.domain.xml)} if seen.snapshots else {}
    return [snapshot_view(snapshot_xml.read(text, current=current), names) for text, current in seen.snapshots]


def _of_disk(statistics: Mapping[str, Any], target: str) -> dict[str, Any]:
    for index in range(statistics.get("block.count", 0)):
        start = f"block.{index}."
        if statistics.get(f"{start}name") == target:
            return {name[len(start) :]: entry for name, entry in statistics.items() if name.startswith(start)}
    return {}


def _job(seen: Seen, disk: DiskPlace) -> Optional[dict[str, object]]:
    job = block_job(seen, disk.target)
    if job is None:
        return None
    return {"type": job_word(job["type"]), "done": job["cur"], "end": job["end"], "bandwidth": job["bandwidth"]}


def _statistics(seen: Seen) -> dict[str, object]:
    numbers = seen.statistics
    memory, rss, time = numbers.get("balloon.current"), numbers.get("balloon.rss"), numbers.get("cpu.time")
    active = seen.domain.active
    return {
        "cpus": numbers.get("vcpu.current"),
        "cpu_seconds": None if time is None or not active else round(time / _NANOSECONDS, 3),
        "memory": None if memory is None else memory * _KIB,
        "memory_resident": None if rss is None else rss * _KIB,
    }


def build(params: Mapping[str, Any]) -> DomainInfo:
    return DomainInfo(Connection(params.get("uri") or URI), _names(params), bool(params.get("owned_only")))


def _names(params: Mapping[str, Any]) -> Optional[frozenset[str]]:
    if params.get("name") is not None:
        return frozenset({parse_name(params["name"])})
    if params.get("names") is None:
        return None
    listed = value.sequence(params["names"], "names")
    return frozenset(parse_name(entry, f"names[{index}]") for index, entry in enumerate(listed))
