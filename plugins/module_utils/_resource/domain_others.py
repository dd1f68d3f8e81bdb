# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other domains of the host have already, and which networks it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

from .._errors import SpecError
from .._gateway import kept_files as files
from .._gateway.libvirt_domain import Domains
from .._model.domain import Definition
from .._model.domain_disks import Disk
from .._model.domain_interfaces import Interface
from .._xml import domain as xml
from .._xml.domain_facts import files_below
from .domain_check import place

_VLAN_SINCE = 11_000_000
_NETWORK_HINT = "Make it (burrow.vm.network), or name another one."


@dataclass(frozen=True)
class Use:
    """A file that the disk of a domain is, or is an overlay of."""

    domain: str
    writable: bool
    shareable: bool


@dataclass(frozen=True)
class Others:
    """macs: address -> the domain that has it. files: path -> how running domains use it."""

    macs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Sequence[Use]] = field(default_factory=dict)


def look(connection: Domains, name: str, wanted: Definition) -> Others:
    """Of the other domains just what is asked for, since each costs a call."""
    if not wanted.disks and not wanted.interfaces:
        return Others()
    found = [other for other in connection.domains() if other.name != name]
    macs = {
        item.mac: other.name
        for other in (found if wanted.interfaces else ())
        for item in xml.read(other.xml).interfaces or ()
        if item.mac
    }
    used: dict[str, list[Use]] = {}
    running = [(other.name, other.live_xml) for other in found if other.live_xml] if wanted.disks else []
    for holder, text in running:
        for disk in xml.read(text).disks or ():
            used.setdefault(disk.source or "", []).append(Use(holder, not disk.readonly, bool(disk.shareable)))
        for path in files_below(text):
            used.setdefault(path, []).append(Use(holder, writable=False, shareable=False))
    return Others(macs, used)


def _paths(disk: Disk) -> Iterator[tuple[str, bool]]:
    """Each file of a disk, and whether it is written to."""
    if disk.source is not None:
        yield disk.source, not disk.readonly
    if disk.base is not None:
        yield disk.base, False


def check(stated: Definition, wanted: Definition, others: Others) -> None:
    """Raise for what another domain has. wanted: the devices to look at."""
    for item in wanted.interfaces or ():
        holder = others.macs.get(item.mac or "")
        if holder is not None:
            problem = f"{item.mac} is domain {holder}'s"
            raise SpecError(f"{place(stated, 'interfaces', item)}.mac", problem, "Write another one.", "in_use")
    for disk in wanted.disks or ():
        for path, writable in _paths(disk):
            for use in others.files.get(path, ()):
                if (writable or use.writable) and not (disk.shareable and use.shareable):
                    problem = f"{path!r} is in use by domain {use.domain}, which runs"
                    hint = "Stop that domain, or have the disk read-only or shareable in both."
                    raise SpecError(f"{place(stated, 'disks', disk)}.source", problem, hint, "in_use")


def check_networks(connection: Domains, stated: Definition, wanted: Sequence[Interface], *, used: bool) -> None:
    """Raise for an interface that leads nowhere. used: by a guest, now, so that its network has to be active.

    It is asked right before the first change: in check mode a network may be a planned one.
    """
    for item in wanted:
        problem = _missing(connection, item.type, item.source, used=used)
        path = place(stated, "interfaces", item)
        if problem:
            raise SpecError(f"{path}.source", problem, _NETWORK_HINT, "no_network")
        if item.vlan is not None and item.type == "bridge":
            _check_vlan(connection, f"{path}.vlan", str(item.source))


def _check_vlan(connection: Domains, path: str, bridge: str) -> None:
    """Raise where a bridge of Linux would not keep a VLAN apart. One of Open vSwitch does so by itself."""
    filtering = files.read(f"/sys/class/net/{bridge}/bridge/vlan_filtering")
    if filtering is None:
        return
    if connection.version() < _VLAN_SINCE:
        hint = "Have a bridge for each VLAN, or one of Open vSwitch, or upgrade libvirt."
        problem = f"libvirt has no VLANs on a bridge of Linux, as {bridge} is, before its version 11.0"
        raise SpecError(path, problem, hint, "no_vlan")
    if filtering.strip() != b"1":
        hint = f"Let it do so: ip link set {bridge} type bridge vlan_filtering 1."
        raise SpecError(path, f"bridge {bridge} keeps no VLANs apart", hint, "no_vlan")


def _missing(connection: Domains, kind: Optional[str], source: Optional[str], *, used: bool) -> str:
    if source is None:
        return ""
    if kind != "network":
        there = kind not in ("bridge", "direct") or files.exists(f"/sys/class/net/{source}")
        return "" if there else f"this host has no interface {source!r}"
    active = connection.network_active(source)
    if active is None:
        return f"there is no network {source!r}"
    return f"network {source!r} is not active" if used and not active else ""
