# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What going back to a snapshot takes, and what it loses: pure."""

from __future__ import annotations

from typing import Optional

from .._diff import Change
from .._errors import SpecError
from .._model.snapshot import EXTERNAL, INTERNAL, Request, Snapshot, lineage
from .._model.value import shown
from .._plan import Action, Plan
from .snapshot_state import State, against_uefi, check_ours


def plan_revert(request: Request, state: State, found: Optional[Snapshot]) -> Plan:
    if found is None:
        known = ", ".join(item.name for item in state.snapshots) or "none"
        problem = f"domain {request.domain} has no snapshot {request.name}"
        raise SpecError("name", problem, f"It has: {known}.", "no_snapshot")
    later = lineage(state.snapshots, found.name) if found.kind == EXTERNAL else ()
    _check_revert(state, found, later)
    _check_consent(request, state, found, later)
    actions = []
    if state.active and found.kind == EXTERNAL:
        actions.append(Action("power_off", f"power off domain {request.domain}"))
    if state.saved:
        actions.append(Action("discard_saved", f"discard the saved state of domain {request.domain}"))
    summary = f"revert domain {request.domain} to {found.kind} snapshot {found.name}"
    actions.append(Action(f"revert_{found.kind}", summary, {"snapshot": found}))
    for item in later:
        summary = f"remove the later snapshot {item.name} with its files ({', '.join(item.files)})"
        actions.append(Action("drop", summary, {"snapshot": item}))
    changed = [Change("content", "as the guest left it", f"as in snapshot {found.name}")]
    changed += [Change(f"snapshots.{item.name}", item.name, None) for item in later]
    if state.run_state != run_state_after(found):
        changed.append(Change("domain_state", state.run_state, run_state_after(found)))
    return Plan(tuple(actions), tuple(changed))


def run_state_after(snapshot: Snapshot) -> str:
    return snapshot.state if snapshot.memory else "stopped"


def _check_revert(state: State, found: Snapshot, later: tuple[Snapshot, ...]) -> None:
    mixed = next((item for item in state.snapshots if item.kind != found.kind), None)
    if mixed is not None:
        problem = f"snapshot {found.name} is {found.kind}, and {mixed.name} is {mixed.kind}"
        raise SpecError("name", problem, f"Remove {mixed.name} first.", "mixed")
    if found.kind == INTERNAL:
        for problem_with_uefi in against_uefi(state):
            raise SpecError("name", problem_with_uefi.problem, "Upgrade libvirt first.", problem_with_uefi.code)
        return
    held = {disk.target for disk in found.disks}
    for item in (found, *later):
        check_ours(state, item)
        beyond = [disk.target for disk in item.disks if disk.target not in held]
        if beyond:
            problem = f"the later snapshot {item.name} holds disk {state.name_of(beyond[0])}, and {found.name} does not"
            raise SpecError("name", problem, f"Remove {item.name} first.", "more_disks")
    for disk in found.disks:
        made = state.overlays.get(disk.file or "")
        if made is None or made.frozen not in state.chains.get(disk.target, ())[1:]:
            problem = f"disk {state.name_of(disk.target)} does not rest on the file that {found.name} kept"
            raise SpecError("name", problem, "The disk was given another file since.", "chain_changed")
    if found.memory_file and found.memory_file not in state.existing:
        raise SpecError("name", f"{shown(found.memory_file)} with its memory is gone", "Restore the file.")


def _check_consent(request: Request, state: State, found: Snapshot, later: tuple[Snapshot, ...]) -> None:
    if request.allow_loss:
        return
    lost = [f"what domain {request.domain} wrote since, its definition as it is now"]
    if state.active:
        lost.append(f"its memory (it is {state.run_state})")
    if state.saved:
        lost.append("its saved state")
    lost += [f"the later snapshot {item.name}" for item in later]
    hint = "Set allow_loss to true if that may go; a snapshot made now would keep it."
    if found.kind == EXTERNAL:
        hint = "Set allow_loss to true if that may go."
    raise SpecError("allow_loss", f"to revert to {found.name} loses {', '.join(lost)}", hint, "loss")
