# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings a domain from one state to another, and which states can't be: pure."""

from __future__ import annotations

from collections.abc import Sequence

from .._diff import Change
from .._errors import SpecError
from .._model.domain_request import Request
from .._plan import Action, Plan
from .._xml import live as xml
from .domain_state import SUSPENDED, State

_STOPPING = ("paused", "pmsuspended", "crashed")
# Of a transient domain they would end with its power.
_LASTING = frozenset({"stop", "save", "autostart", "recreate"})


def first(request: Request) -> list[Action]:
    """What follows the creation of a domain."""
    if request.state == SUSPENDED:
        _refuse_saving(request, "there is no domain that runs")
    return [_start(request, undo=True)] if request.state in ("running", "paused") else []


def ends(request: Request, state: State) -> bool:
    """Whether what runs ends by the state that is asked for: then nothing is changed in it, nor kept for its sake."""
    return state.active and (request.state == "stopped" or _revived(request, state))


def _revived(request: Request, state: State) -> bool:
    return state.run_state == "crashed" and request.state in ("running", "paused")


def around(request: Request, state: State, defining: Sequence[Action], *, restart: bool) -> list[Action]:
    """The actions that change a domain's state, before and after those that change its definition."""
    stops = state.active and (restart or request.state == "stopped")
    _check(request, state, restart=restart, stops=stops)
    actions: list[Action] = []
    up = state.active and not stops
    if stops:
        actions.append(_stop(request, state, "to restart it" if restart else ""))
    elif _revived(request, state):
        actions.append(Action("power_off", f"power off domain {request.name}, which crashed"))
        up = False
    if restart and state.saved:
        actions.append(Action("discard_saved", "discard the saved state, which has the old definition"))
    actions += defining
    actions += _up(request, state) if up else _down(request, state, restart=restart)
    if not state.persistent and _LASTING & {action.operation for action in actions}:
        actions.insert(0, _persist(request, "so that it lasts"))
    return actions


def _up(request: Request, state: State) -> list[Action]:
    """What is done to a guest that runs on."""
    resume = Action("resume", f"resume domain {request.name}")
    pause = Action("pause", f"pause domain {request.name}")
    save = Action("save", f"save the memory of domain {request.name} and end it")
    asleep = state.run_state == "pmsuspended"
    wanted = {
        "running": [resume] if asleep or state.run_state == "paused" else [],
        "paused": [resume, pause] if asleep else ([] if state.run_state == "paused" else [pause]),
        SUSPENDED: [resume, save] if asleep else [save],
    }
    return wanted.get(request.state, [])


def _down(request: Request, state: State, *, restart: bool) -> list[Action]:
    """What is done to a domain that doesn't run, or not any more."""
    if request.state in ("running", "paused"):
        return [_start(request)]
    again = restart and state.active and request.state == "present"
    return [_start(request, paused=state.run_state == "paused")] if again else []


def _start(request: Request, *, undo: bool = False, paused: bool = False) -> Action:
    paused = paused or request.state == "paused"
    arguments = {"undo": undo, "paused": paused}
    return Action("start", f"start domain {request.name}{' paused' if paused else ''}", arguments)


def _stop(request: Request, state: State, why: str) -> Action:
    tries = 2 if state.agent else 1
    asked = "by its agent, then by its power button" if state.agent else ""
    last = f"power off after {request.timeout * tries} s" if request.power_off else f"for {request.timeout * tries} s"
    words = ("shut domain", request.name, "down", why, asked, f"({last})")
    arguments = {"timeout": request.timeout, "agent": state.agent, "power_off": request.power_off}
    return Action("stop", " ".join(word for word in words if word), arguments)


def _persist(request: Request, why: str) -> Action:
    return Action("persist", f"keep the definition of the transient domain {request.name}, {why}")


def _check(request: Request, state: State, *, restart: bool, stops: bool) -> None:
    """Refuse what can't be, or contradicts itself, before the first change."""
    if stops and not request.power_off and state.run_state in _STOPPING:
        problem = f"a guest that is {state.run_state} can't shut down, and power_off is false"
        raise SpecError("power_off", problem, "Have it running first, or leave power_off out.", "contradiction")
    if request.state != SUSPENDED:
        return
    if restart:
        problem = "suspended keeps what the guest does, and restart_policy now would end it"
        raise SpecError("state", problem, "Choose restart_policy defer, or restart it first.", "contradiction")
    if not state.active and not state.saved:
        _refuse_saving(request, "it doesn't run")
    why = xml.unsaved(state.live_text) if state.active else ""
    if why:
        _refuse_saving(request, why)


def _refuse_saving(request: Request, why: str) -> None:
    problem = f"the memory of {request.name} can't be saved: {why}"
    raise SpecError("state", problem, "Choose another state, as stopped or paused.", "not_suspendable")


def remove(request: Request, state: State) -> Plan:
    """The plan that removes a domain, and tells of its disks that stay."""
    actions = []
    if state.definition is not None:
        if state.active and not request.power_off:
            problem = "a domain that runs is powered off to remove it, and power_off is false"
            raise SpecError("power_off", problem, "Have it stopped first, or leave power_off out.", "contradiction")
        if not state.persistent and state.definition.firmware == "efi":
            actions.append(_persist(request, "so that its NVRAM goes with it"))
        if state.active:
            actions.append(Action("power_off", f"power off domain {request.name}"))
        # While the definition is there: an interrupted removal finds them again.
        actions += [Action("release", f"release the lease of {held.address}", {"held": held}) for held in state.leases]
        # What lies on a disk that stays may need its NVRAM (boot entries, Secure Boot's keys).
        keep = bool(state.kept)
        if state.former_tpm and not keep:
            words = f"remove {state.former_tpm}, of a TPM that it had"
            actions.append(Action("remove_file", words, {"path": state.former_tpm}))
        what = "its saved state and snapshots" if keep else "its NVRAM, TPM state, saved state and snapshots"
        actions.append(Action("undefine", f"remove domain {request.name} with {what}", {"keep_nvram": keep}))
    actions += [Action("remove_file", f"remove {path}", {"path": path}) for path in state.leftovers]
    before = request.name if state.definition is not None else None
    return Plan(tuple(actions), (Change("domain", before, None),) if before else (), {"kept": list(state.kept)})
