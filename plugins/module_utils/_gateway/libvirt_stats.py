# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many domains at once. What libvirt tells of all in one call is asked in one call; a domain costs its XML."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from .addresses import addresses_of
from .libvirt import ACTIVE_STATES, NO_DOMAIN, Connection, DomainState, failing, state_word, vanishing
from .libvirt_snapshot import snapshots_of

# virErrorNumber
_NO_SUPPORT = 3
# virConnectListAllDomainsFlags
_LISTED = {"persistent": 4, "saved": 256, "autostart": 1024, "snapshots": 4096}
# VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT: of a domain that something else is done to, only what is known without QEMU.
_NOWAIT = 1 << 29
_XML_INACTIVE = 2
_BYTES_PER_SECOND = 1


@dataclass(frozen=True)
class Seen:
    """A domain and what libvirt counts of it, under libvirt's own names; empty where the driver counts nothing."""

    domain: DomainState
    number: int
    reason: int
    statistics: Mapping[str, Any] = field(default_factory=dict)
    # XML of each, and whether it is the current one.
    snapshots: tuple[tuple[str, bool], ...] = ()
    handle: Any = field(default=None, repr=False, compare=False)


def survey(connection: Connection, names: Optional[Collection[str]] = None) -> list[Seen]:
    """The domains of these names, or all, in the order of their names. One that vanishes meanwhile is left out."""
    marked = {word: _listed(connection, flag) for word, flag in _LISTED.items()}
    handles = _listed(connection, 0)
    wanted = [uuid for uuid, handle in handles.items() if names is None or handle.name() in names]
    statistics = _statistics(connection, [handles[uuid] for uuid in wanted], everything=names is None)
    found = []
    for uuid in wanted:
        with vanishing(NO_DOMAIN), failing("read the domain", str(handles[uuid].name())):
            marks = {word for word, held in marked.items() if uuid in held}
            found.append(_seen(handles[uuid], uuid, marks, statistics.get(uuid, {})))
    return sorted(found, key=lambda seen: seen.domain.name)


def _listed(connection: Connection, flag: int) -> dict[str, Any]:
    """UUID -> handle. Both it and the name are in the answer: to read them off a handle asks nobody."""
    with failing("list the domains", connection.uri):
        return {str(handle.UUIDString()): handle for handle in connection.handle.listAllDomains(flag)}


def _statistics(connection: Connection, handles: list[Any], *, everything: bool) -> dict[str, Mapping[str, Any]]:
    if not handles:
        return {}
    with vanishing(_NO_SUPPORT), failing("ask for statistics", connection.uri):
        if everything:
            found = connection.handle.getAllDomainStats(0, _NOWAIT)
        else:
            found = connection.handle.domainListGetStats(handles, 0, _NOWAIT)
        return {str(handle.UUIDString()): numbers for handle, numbers in found}
    return {}


def _seen(handle: Any, uuid: str, marks: Collection[str], statistics: Mapping[str, Any]) -> Seen:
    number, reason = statistics.get("state.state"), statistics.get("state.reason")
    if number is None or reason is None:
        number, reason = handle.state()
    state = state_word(number)
    live = str(handle.XMLDesc(0)) if state in ACTIVE_STATES else None
    persistent = "persistent" in marks
    # A transient domain has no other definition than the running guest's.
    text = str(handle.XMLDesc(_XML_INACTIVE)) if persistent or live is None else live
    domain = DomainState(
        name=str(handle.name()),
        uuid=uuid,
        state=state,
        xml=text,
        live_xml=live,
        autostart="autostart" in marks,
        saved="saved" in marks,
        persistent=persistent,
    )
    snapshots = tuple(snapshots_of(handle)) if "snapshots" in marks else ()
    return Seen(domain, int(number), int(reason), statistics, snapshots, handle)


def block_job(seen: Seen, target: str) -> Optional[Mapping[str, int]]:
    """type, bandwidth, cur and end of the job on a running guest's disk; None without one."""
    with vanishing(), failing("ask for block jobs", seen.domain.name):
        return seen.handle.blockJobInfo(target, _BYTES_PER_SECOND) or None
    return None


def addresses(seen: Seen, source: str) -> dict[str, list[str]]:
    """As find_addresses, of a domain that was found."""
    return addresses_of(seen.handle, seen.domain.name, source)
