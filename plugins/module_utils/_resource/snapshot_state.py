# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain with its snapshots, as it was observed: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Optional

from .._errors import SpecError
from .._model.snapshot import Overlay, Snapshot
from .._model.value import shown
from .._xml.snapshot import Facts

# 10.9.0 makes internal snapshots of guests with UEFI whose variable store is qcow2; 10.10.0 also goes back to them.
INTERNAL_UEFI_SINCE = 10_010_000
USE_EXTERNAL = "Set kind to external."
BY_HAND = "Remove it with the tool that made it (as virsh snapshot-delete)."


@dataclass(frozen=True)
class State:
    """A domain with its snapshots; run_state absent: there is none. pending: disks that change at the next start.

    interrupted: libvirt has paused it for a job that is no more. unused: files of snapshots that are in no chain, and
    that nobody ever wrote into. left: files of no snapshot, with the wanted one's name in their stamps.

    overlays: file of a snapshot -> what its stamp says; of a file that isn't ours nothing. chains: target -> the
    disk's files from the one that is written downwards. denied: files that the running guest is kept from writing.
    paths: target -> the next overlay's name, and memory_path.
    """

    run_state: str = "absent"
    active: bool = False
    saved: bool = False
    persistent: bool = True
    interrupted: bool = False
    version: int = 0
    facts: Facts = field(default_factory=Facts)
    pending: tuple[str, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    overlays: Mapping[str, Overlay] = field(default_factory=dict)
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unused: frozenset[str] = frozenset()
    left: tuple[str, ...] = ()
    existing: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    paths: Mapping[str, str] = field(default_factory=dict)
    memory_path: str = ""

    def snapshot(self, name: str) -> Optional[Snapshot]:
        return next((item for item in self.snapshots if item.name == name), None)

    def name_of(self, target: str) -> str:
        return next((disk.name for disk in self.facts.disks if disk.target == target), target)


def check_ours(state: State, snapshot: Snapshot) -> None:
    for file in snapshot.files:
        if file in state.existing and file not in state.overlays:
            problem = f"{shown(file)} of snapshot {snapshot.name} was not made by burrow.vm and is not removed"
            raise SpecError("name", problem, BY_HAND, "not_owned")


def against_uefi(state: State) -> Iterator[SpecError]:
    if state.facts.nvram is None:
        return
    if state.version < INTERNAL_UEFI_SINCE:
        problem = "libvirt before 10.10 has no internal snapshots of guests with UEFI"
        yield SpecError("kind", problem, USE_EXTERNAL, "too_old")
    elif state.facts.nvram != "qcow2":
        problem = f"the UEFI variables are {state.facts.nvram}, which holds no internal snapshots"
        yield SpecError("kind", problem, USE_EXTERNAL)
