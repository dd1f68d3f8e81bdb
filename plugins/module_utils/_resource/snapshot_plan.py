# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done about a snapshot, and whether it may be: pure."""

from __future__ import annotations

from collections.abc import Iterator

from .._diff import Change
from .._errors import SpecError
from .._model.snapshot import (
    EXTERNAL,
    INTERNAL,
    Disk,
    Overlay,
    Request,
    Snapshot,
    SnapshotDisk,
    lineage,
)
from .._model.value import shown
from .._plan import Action, Plan
from .snapshot_revert import plan_revert
from .snapshot_state import BY_HAND, USE_EXTERNAL, State, against_uefi, check_ours


def plan(request: Request, state: State) -> Plan:
    """The plan, or a refusal."""
    found = state.snapshot(request.name)
    if request.state == "absent":
        if found is None:
            return Plan()
        _check_whole(state, tuple(item for item in state.snapshots if item != found))
        return _plan_absent(request, state, found)
    if state.run_state == "absent":
        problem = f"there is no domain {request.domain}"
        raise SpecError("domain", problem, "Name one that is there.", "no_domain")
    _check_whole(state, state.snapshots if found is None or request.state == "reverted" else (found,))
    if request.state == "reverted":
        return plan_revert(request, state, found)
    return _plan_creation(request, state) if found is None else _plan_kept(request, state, found)


# -- present


def _plan_kept(request: Request, state: State, found: Snapshot) -> Plan:
    """A snapshot is never made another one; only its description can change."""
    memory = f"has {'the' if found.memory else 'no'} memory"
    disks = {state.name_of(disk.target) for disk in found.disks} | {disk.target for disk in found.disks}
    for path, wrong, what in (
        ("kind", request.kind not in (None, found.kind), f"is {found.kind}"),
        ("memory", request.memory not in (None, found.memory), memory),
        ("disks", request.disks is not None and not disks >= set(request.disks), "is of other disks"),
    ):
        if wrong:
            hint = "Choose another name, or remove that one first (state absent)."
            raise SpecError(path, f"snapshot {found.name} is there and {what}", hint, "exists")
    if request.description in (None, found.description):
        return Plan()
    change = Change("description", found.description, request.description)
    summary = f"snapshot {found.name} of {request.domain}: {change.sentence()}"
    return Plan((Action("describe", summary, {"description": request.description}),), (change,))


def _plan_creation(request: Request, state: State) -> Plan:
    snapshot = wanted(request, state)
    quiesce = _quiesced(request, state, snapshot)
    names = [state.name_of(disk.target) for disk in snapshot.disks]
    what = f"make {snapshot.kind} snapshot {snapshot.name} of domain {request.domain} (disks {', '.join(names)}"
    what += f"{', memory' if snapshot.memory else ''}{', quiesced by the guest agent' if quiesce else ''})"
    changed = [Change("kind", None, snapshot.kind), Change("memory", None, snapshot.memory)]
    changed += [Change("description", None, snapshot.description)] if snapshot.description else []
    for disk in snapshot.disks:
        before = next(item.source for item in state.facts.disks if item.target == disk.target)
        changed += [Change(f"disks.{state.name_of(disk.target)}", before, disk.file)] if disk.file else []
    action = Action("create", what, {"snapshot": snapshot, "quiesce": quiesce})
    return Plan((action,), (Change("snapshot", None, snapshot.name), *changed))


def wanted(request: Request, state: State) -> Snapshot:
    """The snapshot to be made; what this domain can't have is refused."""
    _check_domain(request, state)
    disks = _chosen(request, state)
    kind = _kind(request, state, disks)
    memory = bool(request.memory) or (kind == INTERNAL and state.active)
    if memory and not state.active:
        problem = f"domain {request.domain} is {state.run_state} and has no memory"
        raise SpecError("memory", problem, "Start it first, or leave memory out.")
    if memory and state.facts.unsaveable:
        problem = f"{state.facts.unsaveable[0]} can't be saved with the memory"
        hint = "Leave memory out and set kind to external, or stop the domain first."
        raise SpecError("memory", problem, hint, "unsaveable")
    if kind == EXTERNAL:
        _check_external(disks, stated=request.disks is not None)
    current = next((item.name for item in state.snapshots if item.current), None)
    return Snapshot(
        name=request.name,
        state=state.run_state if memory else "disk-snapshot" if state.active else "shutoff",
        kind=kind,
        memory=memory,
        current=True,
        parent=current,
        description=request.description,
        disks=tuple(SnapshotDisk(disk.target, kind, state.paths.get(disk.target)) for disk in disks)
        if kind == EXTERNAL
        else tuple(SnapshotDisk(disk.target, kind) for disk in disks),
        memory_file=state.memory_path if memory and kind == EXTERNAL else None,
    )


def _check_domain(request: Request, state: State) -> None:
    if not state.persistent:
        problem = f"domain {request.domain} is transient"
        raise SpecError("domain", problem, "Define it (virsh define), so that its snapshots outlive it.")
    if state.saved:
        problem = f"domain {request.domain} has a saved state, which belongs to its disks as they are"
        raise SpecError("domain", problem, "Start it first, or discard that (virsh managedsave-remove).", "saved")
    if state.pending:
        problem = f"disk {state.pending[0]} gets another file when the guest is restarted"
        raise SpecError("domain", problem, "Restart it first.", "restart_required")


def _check_whole(state: State, snapshots: tuple[Snapshot, ...]) -> None:
    for snapshot in snapshots:
        if any(state.overlays[file].merging for file in snapshot.files if file in state.overlays):
            problem = f"the removal of snapshot {snapshot.name} has begun and was interrupted"
            raise SpecError("name", problem, f"Finish it first: {snapshot.name} with state absent.", "half_removed")


def _chosen(request: Request, state: State) -> tuple[Disk, ...]:
    """The disks of the new snapshot: those that are named, or all that the guest writes."""
    writable = tuple(disk for disk in state.facts.disks if disk.writable)
    if request.disks is None:
        if not writable:
            raise SpecError("domain", f"domain {request.domain} has no disk that it writes", "Give it one first.")
        return writable
    chosen = []
    for index, name in enumerate(request.disks):
        disk = next((item for item in writable if name in (item.name, item.target)), None)
        if disk is None:
            known = ", ".join(item.name for item in writable) or "none"
            problem = f"domain {request.domain} writes no disk {shown(name)}"
            raise SpecError(f"disks[{index}]", problem, f"It writes: {known}.")
        chosen.append(disk)
    return tuple(chosen)


def _kind(request: Request, state: State, disks: tuple[Disk, ...]) -> str:
    problem = next(_against_internal(request, state, disks), None)
    others = {item.kind for item in state.snapshots}
    kind = request.kind or (INTERNAL if problem is None and EXTERNAL not in others else EXTERNAL)
    mixed = next((item for item in state.snapshots if item.kind != kind), None)
    if mixed is not None:
        # An internal snapshot in an overlay is lost when that is merged; one below an overlay can't be gone back to.
        text = f"domain {request.domain} has the {mixed.kind} snapshot {mixed.name}, and is not given one of each kind"
        raise SpecError("kind", text, f"Make it {mixed.kind} too, or remove {mixed.name} first.", "mixed")
    if kind == INTERNAL and problem is not None:
        raise problem
    return kind


def _against_internal(request: Request, state: State, disks: tuple[Disk, ...]) -> Iterator[SpecError]:
    """Why there can be no internal snapshot."""
    if state.active and request.memory is False:
        yield SpecError("memory", "an internal snapshot of a running guest has its memory", USE_EXTERNAL)
    if state.active and request.quiesce:
        yield SpecError("quiesce", "an internal snapshot is not quiesced", USE_EXTERNAL)
    if state.active and state.facts.unsaveable:
        problem = f"{state.facts.unsaveable[0]} can't be saved with the memory, which an internal snapshot has"
        yield SpecError("kind", problem, USE_EXTERNAL, "unsaveable")
    writable = [disk for disk in state.facts.disks if disk.writable]
    for disk in writable if state.active else disks:
        if disk.format != "qcow2":
            problem = f"disk {disk.name} is {disk.format}, which holds no internal snapshots"
            yield SpecError("kind", problem, USE_EXTERNAL)
        if disk not in disks:
            problem = f"an internal snapshot of a running guest is of all its disks, {disk.name} included"
            yield SpecError("disks", problem, USE_EXTERNAL)
    yield from against_uefi(state)


def _check_external(disks: tuple[Disk, ...], *, stated: bool) -> None:
    for disk in disks:
        if disk.type != "file":
            problem = f"disk {disk.name} is no file (type {disk.type}), and where to go on beside it is not known"
            hint = "Leave it out." if stated else "Name the disks that are files."
            raise SpecError("disks", problem, hint)
        if disk.job:
            problem = f"disk {disk.name} is being copied or merged"
            raise SpecError("disks", problem, "Wait until that has ended (virsh blockjob).", "busy")


def _quiesced(request: Request, state: State, snapshot: Snapshot) -> bool:
    able = state.run_state == "running" and snapshot.kind == EXTERNAL and not snapshot.memory
    if not able:
        return False
    if request.quiesce and not state.facts.agent:
        problem = f"the guest agent of domain {request.domain} is not connected"
        hint = "Install qemu-guest-agent in the guest and give the domain its channel, or leave quiesce out."
        raise SpecError("quiesce", problem, hint, "no_agent")
    return state.facts.agent if request.quiesce is None else request.quiesce


# -- absent


def _plan_absent(request: Request, state: State, found: Snapshot) -> Plan:
    above = [item for item in lineage(state.snapshots, found.name) if item.kind != found.kind]
    if above:
        problem = f"the {above[0].kind} snapshot {above[0].name} rests on {found.name}, which is {found.kind}"
        raise SpecError("name", problem, f"Remove {above[0].name} first.", "mixed")
    changed: tuple[Change, ...] = (Change("snapshot", found.name, None),)
    if found.kind == INTERNAL:
        summary = f"remove internal snapshot {found.name} of domain {request.domain}"
        return Plan((Action("delete", summary),), changed)
    check_ours(state, found)
    actions = []
    for disk in found.disks:
        overlay = disk.file or ""
        if overlay not in state.chains.get(disk.target, ()):
            _check_merged(state, found, disk)
            continue
        made = state.overlays[overlay]
        _check_job(state, disk, made)
        _check_below(state, found, disk, made)
        _check_alone(state, found, made.frozen)
        _check_confined(state, found, made.frozen)
        summary = f"merge {overlay} into {made.frozen}"
        actions.append(Action("merge", summary, {"target": disk.target, "overlay": overlay, "made": made}))
        name = f"disks.{state.name_of(disk.target)}"
        if state.chains[disk.target][0] == overlay:
            changed += (Change(name, overlay, made.frozen),)
    files = ", ".join(found.files)
    summary = f"remove external snapshot {found.name} of domain {request.domain} with its files ({files})"
    actions.append(Action("forget", summary, {"snapshot": found}))
    return Plan(tuple(actions), changed)


def _check_merged(state: State, snapshot: Snapshot, disk: SnapshotDisk) -> None:
    """A file outside of the chain goes only where we know that its content has been merged."""
    overlay = disk.file or ""
    if overlay in state.existing and not state.overlays[overlay].merging:
        problem = f"disk {state.name_of(disk.target)} does not rest on {shown(overlay)} of snapshot {snapshot.name}"
        hint = "The disk was given another file since; go back to the snapshot (state reverted), or to that file."
        raise SpecError("name", problem, hint, "chain_changed")


def _check_job(state: State, disk: SnapshotDisk, made: Overlay) -> None:
    busy = any(item.job for item in state.facts.disks if item.target == disk.target)
    if busy and not made.merging:
        problem = f"disk {state.name_of(disk.target)} is being copied or merged by somebody else"
        raise SpecError("name", problem, "Wait until that has ended (virsh blockjob).", "busy")


def _check_below(state: State, snapshot: Snapshot, disk: SnapshotDisk, made: Overlay) -> None:
    chain = state.chains[disk.target]
    below = chain[chain.index(disk.file or "") + 1 :][:1]
    if below != (made.frozen,):
        problem = f"{shown(disk.file)} of snapshot {snapshot.name} no longer rests on {shown(made.frozen)}"
        hint = "Somebody else has rebased it; nothing was touched. " + BY_HAND
        raise SpecError("name", problem, hint, "chain_changed")


def _check_alone(state: State, snapshot: Snapshot, frozen: str) -> None:
    """What is merged into a file changes all that rests on it."""
    for file, made in state.overlays.items():
        if made.frozen == frozen and file not in snapshot.files and file in state.existing:
            problem = f"{shown(file)} of snapshot {made.snapshot} rests on {shown(frozen)} as well"
            raise SpecError("name", problem, f"Remove {made.snapshot} first.", "forked")


def _check_confined(state: State, snapshot: Snapshot, frozen: str) -> None:
    """libvirt denies QEMU what lay below a disk when the guest was started, and lets no later rule permit it."""
    if frozen in state.denied:
        problem = f"AppArmor keeps the running guest from writing {shown(frozen)}, which {snapshot.name} is merged into"
        hint = "Stop the domain first: libvirt lets no guest write a file that lay below its disk. Start it again then."
        raise SpecError("name", problem, hint, "confined")
