# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done about a snapshot where a libvirtd ended as it made one: pure.

libvirt pauses the guest, makes files, has QEMU go on in them, saves two definitions and notes the snapshot. Whatever of
that was done when it ended is ended, or taken back, before anything else.
"""

from __future__ import annotations

import dataclasses
from typing import Optional

from .._diff import Change
from .._errors import SpecError
from .._model.snapshot import Request, Snapshot, lineage
from .._plan import Action, Plan
from . import snapshot_plan
from .snapshot_state import State


def plan(request: Request, state: State) -> Plan:
    """The plan, or a refusal."""
    if not state.interrupted or request.state == "reverted":
        return _plan(request, state)
    rest = _plan(request, dataclasses.replace(state, run_state="running"))
    summary = f"resume domain {request.domain}, which libvirt paused for a snapshot that it did not end"
    change = Change("domain_state", state.run_state, "running")
    return _after(Action("resume", summary), rest, change)


def _plan(request: Request, state: State) -> Plan:
    found = state.snapshot(request.name)
    _check_noted(state, found if request.state != "reverted" else None)
    if found is None:
        return _without(request, state)
    if not found.noted and request.state == "present":
        snapshot_plan.plan(dataclasses.replace(request, description=None), state)
        summary = f"note snapshot {found.name} of {request.domain}, which was made when libvirtd ended"
        noted = dataclasses.replace(found, description=request.description)
        return Plan((Action("note", summary, {"snapshot": noted}),), (Change("snapshot", None, found.name),))
    if request.state == "reverted" or not is_hollow(state, found):
        return snapshot_plan.plan(request, state)
    summary = f"remove snapshot {found.name} of {request.domain}, which libvirtd had only begun when it ended"
    undo = Action("undo", summary, {"snapshot": found})
    if request.state == "absent":
        return Plan((undo,), (Change("snapshot", found.name, None),))
    others = tuple(item for item in state.snapshots if item != found)
    return _after(undo, snapshot_plan.plan(request, dataclasses.replace(state, snapshots=others)))


def is_hollow(state: State, found: Snapshot) -> bool:
    """It is noted, the guest never wrote into its files, and nothing rests on it."""
    unused = bool(found.disks) and all(disk.file in state.unused for disk in found.disks)
    return unused and not lineage(state.snapshots, found.name)


def _without(request: Request, state: State) -> Plan:
    rest = snapshot_plan.plan(request, state)
    if request.state != "absent" or not state.left:
        return rest
    summary = f"remove {', '.join(state.left)}, which a libvirtd left that ended"
    return _after(Action("discard", summary, {"paths": state.left}), rest)


def _after(action: Action, rest: Plan, *changes: Change) -> Plan:
    return dataclasses.replace(rest, actions=(action, *rest.actions), changes=(*changes, *rest.changes))


def _check_noted(state: State, wanted: Optional[Snapshot]) -> None:
    for snapshot in state.snapshots:
        if not snapshot.noted and snapshot != wanted:
            problem = f"the guest writes into the files of snapshot {snapshot.name}, which libvirt does not know"
            hint = f"libvirtd ended as it was made. Have {snapshot.name} with state present first, or absent."
            raise SpecError("name", problem, hint, "half_made")
