# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done to a domain, and whether it may be: pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Optional

from .._diff import LIVE, RECREATE, RESTART, Change, changes
from .._errors import SpecError
from .._model.accelerator import TCG, cpu_default
from .._model.device_rules import check_devices
from .._model.domain import Definition
from .._model.domain_desktop import Graphics
from .._model.domain_merge import create, facets, impacts, merge
from .._model.domain_request import Request
from .._model.names import mac_address
from .._model.size import GIB, format_size
from .._plan import Action, Plan
from .._xml import domain as xml
from . import domain_lifecycle as lifecycle
from .domain_compare import check_machine, compare, with_fragment
from .domain_live import Guest, Sorted, Step, sort
from .domain_state import Host, State

_MACHINES = {"x86_64": "q35", "i686": "q35", "aarch64": "virt"}
# Role guest calls the option burrow_restart_policy.
_POLICY = "restart_policy (burrow_restart_policy)"
_CONSENT = f"Set {_POLICY} to now (restart the guest), or to defer (its next start brings the change)."


def plan(request: Request, state: State) -> Plan:
    """The plan, or a refusal."""
    request = _located(request, state)
    if state.definition is not None and request.owned_only and not state.definition.owned:
        problem = f"domain {request.name} is there and isn't ours: it has no stamp of burrow.vm"
        raise SpecError("name", problem, "Choose another name; the domain was not touched.", "not_owned")
    if request.state == "absent":
        return lifecycle.remove(request, state)
    if state.uuid and (request.stated.xml or {}).get("uuid", state.uuid) != state.uuid:
        raise SpecError("xml", f"it is of another domain: this one has the UUID {state.uuid}", "Leave <uuid> out.")
    if state.definition is None:
        return _plan_creation(request, state)
    return _plan_update(request, state, state.definition)


def target(request: Request, state: State) -> Optional[Definition]:
    """The persistent definition that the plan leads to."""
    request = _located(request, state)
    if request.state == "absent":
        return None
    return _effect(request, state, _wanted(request, state))


def _wanted(request: Request, state: State) -> Definition:
    if state.definition is None:
        wanted = new_definition(request, state.host)
    else:
        wanted = with_macs(request.name, merge(state.definition, request.stated, request.purge))
    # All that is said of a new domain is stated, if only as a default.
    stated = wanted if state.definition is None else request.stated
    # What follows of one option may have taken another away, which contradicts it.
    for part in (request.stated, stated):
        check_machine(part, wanted)
    check_devices(state.definition or Definition(), stated, wanted)
    return wanted


def _effect(request: Request, state: State, wanted: Definition) -> Definition:
    return with_fragment(request, state.host.architecture, state.text, state.definition or Definition(), wanted)


def _located(request: Request, state: State) -> Request:
    """The request with the directory that each share it states leads to."""
    if not request.stated.filesystems:
        return request
    observed = {share.tag: share for share in (state.definition or Definition()).filesystems or ()}
    shares = []
    for share in request.stated.filesystems:
        old, real = observed.get(share.tag), state.directories.get(share.source or "")
        # One that somebody else made is not bound by the hook, and stays as it is.
        foreign = old is not None and old.real is None
        same = old is not None and share.source == old.source and share.readonly in (None, old.readonly)
        shares.append(share if foreign and same else dataclasses.replace(share, real=real))
    return dataclasses.replace(request, stated=dataclasses.replace(request.stated, filesystems=tuple(shares)))


def new_definition(request: Request, host: Host) -> Definition:
    architecture = request.stated.architecture or host.architecture
    foreign = architecture != host.architecture
    chosen = dataclasses.replace(request.defaults, accelerator=TCG) if foreign else request.defaults
    accelerator = request.stated.accelerator or chosen.accelerator or host.accelerator
    if foreign and accelerator != TCG:
        problem = f"{accelerator} runs guests of this host's architecture only, which is {host.architecture}"
        raise SpecError("accelerator", problem, "Set accelerator to tcg, or leave it out.")
    mode, disable = cpu_default(accelerator, architecture, host.qemu_version)
    defaults = Definition(
        cpus=2,
        memory=2 * GIB,
        accelerator=accelerator,
        machine=_MACHINES.get(architecture, "virt"),
        architecture=architecture,
        cpu_mode=mode,
        cpu_disable=disable or None,
        firmware="efi",
    )
    definition = create(request.stated, chosen, defaults, purge=request.purge)
    return dataclasses.replace(with_macs(request.name, definition), owned=True)


def with_macs(name: str, definition: Definition) -> Definition:
    """Addresses that don't change when a guest is made again."""
    if definition.interfaces is None:
        return definition
    taken = {item.mac for item in definition.interfaces}
    interfaces = []
    for index, item in enumerate(definition.interfaces):
        mac = item.mac or _free_mac(name, index, taken)
        taken.add(mac)
        interfaces.append(dataclasses.replace(item, mac=mac))
    return dataclasses.replace(definition, interfaces=tuple(interfaces))


def _free_mac(name: str, index: int, taken: set[Optional[str]]) -> str:
    while mac_address(name, f"net{index}") in taken:
        index += 1
    return mac_address(name, f"net{index}")


def _plan_creation(request: Request, state: State) -> Plan:
    definition = _wanted(request, state)
    shown = _effect(request, state, definition)
    size = format_size(shown.memory or 0)
    summary = f"create domain {request.name} ({shown.cpus} CPUs, {size}, {shown.accelerator})"
    actions = [Action("create", summary, {"definition": definition}), *lifecycle.first(request)]
    slow = _slow(request, state.host)
    warnings = ("KVM can't be used on this host: the guest runs under emulation",) if slow else ()
    return Plan(tuple(actions), changes(facets(shown), {}, impacts()), {"restart_required": []}, warnings)


def _slow(request: Request, host: Host) -> bool:
    return request.stated.accelerator == "kvm" and host.accelerator != "kvm"


def _plan_update(request: Request, state: State, before: Definition) -> Plan:
    after = _wanted(request, state)
    _effect(request, state, after)
    alive = (state.active or state.saved) and not lifecycle.ends(request, state)
    running = _running(request, state, after)
    found = running.judge(compare(before, after)) if alive else compare(before, after)
    waiting = running.lacks.waiting
    _check_consent(request, found, alive)
    restart = alive and request.policy == "now" and bool(waiting or _restarting(found))
    steps = running.lacks.steps if alive and not restart else ()
    reported = [*found, *(running.only(found) if steps else ())]
    shown = _Shown(tuple(reported), marked=state.active and alive and not restart)
    defining = _defining(shown, before, after, state.live if steps else None, steps)
    actions = lifecycle.around(request, state, defining, restart=restart)
    if actions and request.state != "present":
        reported += changes({"state": request.state}, {"state": state.run_state}, {})
    still = sorted({*waiting, *(change.path for change in _restarting(found))}) if alive and not restart else []
    return Plan(tuple(actions), tuple(reported), {"restart_required": still})


def _check_consent(request: Request, found: tuple[Change, ...], alive: bool) -> None:
    """Refuse before the first change what needs a consent that wasn't given."""
    recreating = [change for change in found if change.impact == RECREATE]
    if recreating and not request.allow_recreate:
        problem = f"to {recreating[0].sentence()} means to define the domain anew"
        hint = "Set allow_recreate to true; disks, UUID and addresses stay, settings of others in the definition go."
        raise SpecError(recreating[0].path, problem, hint, "recreate_required")
    needing = _restarting(found)
    if needing and alive and (request.policy == "refuse" or (recreating and request.policy != "now")):
        hint = f"Set {_POLICY} to now." if recreating else _CONSENT
        why = f": {needing[0].why}" if needing[0].why else ""
        problem = f"to {needing[0].sentence()} needs a restart{why}"
        raise SpecError(needing[0].path, problem, hint, "restart_required")


def _restarting(found: tuple[Change, ...]) -> list[Change]:
    return [change for change in found if change.impact in (RESTART, RECREATE)]


@dataclass(frozen=True)
class _Shown:
    """Changes in words. marked: it is said when the running guest gets each."""

    found: tuple[Change, ...]
    marked: bool

    def written(self) -> list[Change]:
        """Autostart is no part of the definition."""
        return [change for change in self.found if change.path != "autostart"]

    def summary(self) -> str:
        return ", ".join(f"{change.sentence()}{self._when(change)}" for change in self.written())

    def _when(self, change: Change) -> str:
        if not self.marked or change.path.startswith("metadata."):
            return ""
        return " (while it runs)" if change.impact == LIVE else " (at its next start)"


def _defining(
    shown: _Shown, before: Definition, after: Definition, live: Optional[Definition], steps: tuple[Step, ...]
) -> list[Action]:
    actions = []
    written = shown.written()
    if any(change.impact == RECREATE for change in written):
        # Secure Boot's keys are in it.
        drop_nvram = before.firmware == "efi" and (after.firmware, after.secure_boot) != ("efi", before.secure_boot)
        summary = f"define the domain anew: {shown.summary()}"
        actions.append(Action("recreate", summary, {"definition": after, "drop_nvram": drop_nvram}))
    elif written:
        arguments = {"before": before, "definition": after, "live": live, "steps": steps}
        actions.append(Action("define", shown.summary(), arguments))
    if len(written) != len(shown.found):
        wanted = bool(after.autostart)
        actions.append(Action("autostart", f"set autostart to {wanted}", {"wanted": wanted}))
    return actions


@dataclass(frozen=True)
class _Running:
    """What the running guest lacks of what was asked for. live: whether there is one."""

    lacks: Sorted = field(default_factory=Sorted)
    live: bool = False

    def judge(self, found: tuple[Change, ...]) -> tuple[Change, ...]:
        """Changes of the definition with their impact on this guest."""
        return tuple(self._judged(change) if self.live and change.impact == RESTART else change for change in found)

    def _judged(self, change: Change) -> Change:
        for path, why in self.lacks.waiting.items():
            if _related(path, change.path):
                return dataclasses.replace(change, why=why)
        return dataclasses.replace(change, impact=LIVE)

    def only(self, found: tuple[Change, ...]) -> list[Change]:
        """What its definition has already, or gets by another name, and the running guest gets too."""
        paths = [change.path for change in found]
        lacking = [item for item in self.lacks.brought if not any(_related(item.path, path) for path in paths)]
        return [dataclasses.replace(change, impact=LIVE) for change in lacking]


def _related(one: str, other: str) -> bool:
    """Whether one is the other, or a field of it."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _with_passwords(live: Definition, definition: Definition) -> Optional[tuple[Graphics, ...]]:
    """A running guest's definition doesn't show passwords: it has those that were defined."""
    if live.graphics is None:
        return None
    known = {item.type: item.password for item in definition.graphics or ()}
    return tuple(dataclasses.replace(item, password=known.get(item.type)) for item in live.graphics)


def _running(request: Request, state: State, after: Definition) -> _Running:
    """The running guest against what was asked for, which is defined perhaps."""
    if state.live is None or state.definition is None:
        return _Running()
    live = dataclasses.replace(
        state.live, autostart=state.definition.autostart, graphics=_with_passwords(state.live, state.definition)
    )
    # libvirt writes out what host-model became, and each feature; the running guest is then as it was defined.
    if live.cpu_mode == "custom":
        modelled = () if state.definition.cpu_mode == "custom" else ("cpu_mode", "cpu_model")
        same = ("cpu_require", "cpu_disable", "cpu_force", *modelled)
        live = dataclasses.replace(live, **{name: getattr(state.definition, name) for name in same})
    wanted = with_macs(request.name, merge(live, request.stated, request.purge))
    pending = tuple(change for change in compare(live, wanted) if change.path != "autostart")
    if not pending:
        return _Running(live=True)
    guest = Guest(
        before=live,
        after=wanted,
        text=state.live_text,
        edited=xml.edit(state.live_text, live, wanted),
        former=state.definition,
        defined=after,
        paused=state.run_state in ("paused", "pmsuspended"),
    )
    return _Running(sort(guest, pending), live=True)
