# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a libvirtd that ended left of a snapshot that it made."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Optional

from .._gateway import snapshot_files as files
from .._gateway.libvirt import DomainState
from .._model.snapshot import EXTERNAL, Disk, Overlay, Snapshot, SnapshotDisk, memory_path, overlay_path
from .snapshot_state import State


def unnoted(
    domain: str, found: DomainState, disks: tuple[Disk, ...], known: tuple[Snapshot, ...]
) -> tuple[Snapshot, ...]:
    """External snapshots whose overlays, by our stamps, are in use, and that libvirt doesn't know.

    It has QEMU write into the overlays, saves both definitions, and notes the snapshot last.
    """
    names = {item.name for item in known}
    parts: dict[str, list[SnapshotDisk]] = {}
    stamps: dict[str, Overlay] = {}
    for disk, made in _stamped(disks):
        if made.domain == domain and made.snapshot not in names:
            parts.setdefault(made.snapshot, []).append(SnapshotDisk(disk.target, EXTERNAL, disk.source))
            stamps.setdefault(made.snapshot, made)
    parent = next((item.name for item in known if item.current), None)
    return tuple(_snapshot(found, stamps[name], tuple(parts[name]), parent) for name in parts)


def unused(state: State) -> frozenset[str]:
    """The files of noted snapshots that are in no chain, and that nobody ever wrote into."""
    disks = [(disk.target, disk.file or "") for item in state.snapshots for disk in item.disks]
    return frozenset(
        file
        for target, file in disks
        if file in state.overlays
        and file not in state.chains.get(target, ())
        and not state.overlays[file].merging
        and files.is_blank(file)
    )


def left(domain: str, name: str, disks: tuple[Disk, ...], used: Collection[str]) -> tuple[str, ...]:
    """The files that were made for a snapshot, and aren't any's."""
    found = []
    for disk in disks:
        if disk.writable and disk.type == "file":
            origin = files.origin(disk.source or "")
            found += [overlay_path(origin, name), memory_path(origin, domain, name)]
    stamps = {path: files.overlay(path) for path in found if path not in used}
    mine = {path for path, made in stamps.items() if made and (made.domain, made.snapshot) == (domain, name)}
    return tuple(sorted(mine))


def _stamped(disks: tuple[Disk, ...]) -> Iterator[tuple[Disk, Overlay]]:
    for disk in disks:
        made = files.overlay(disk.source or "") if disk.writable and disk.type == "file" else None
        if made is not None:
            yield disk, made


def _snapshot(found: DomainState, made: Overlay, disks: tuple[SnapshotDisk, ...], parent: Optional[str]) -> Snapshot:
    """The memory was written before the overlays came into use; where it has our stamp it was asked for."""
    memory = memory_path(made.origin, made.domain, made.snapshot)
    held = files.overlay(memory)
    has_memory = held is not None and held.snapshot == made.snapshot and bool(files.existing([memory]))
    without = "disk-snapshot" if found.active else "shutoff"
    return Snapshot(
        name=made.snapshot,
        state="running" if has_memory else without,
        kind=EXTERNAL,
        memory=has_memory,
        created=files.made_at(disks[0].file or ""),
        current=True,
        parent=parent,
        disks=disks,
        memory_file=memory if has_memory else None,
        noted=False,
    )
