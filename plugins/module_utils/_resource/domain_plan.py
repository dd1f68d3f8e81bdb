# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done to a domain, and whether it may be: pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from .._diff import LIVE, RECREATE, RESTART, Change, changes
from .._errors import SpecError
from .._model.accelerator import cpu_default
from .._model.device_rules import check_devices
from .._model.dhcp import Lease
from .._model.domain import Definition
from .._model.domain_devices import key
from .._model.domain_merge import create, facets, impacts, merge
from .._model.domain_request import Request
from .._model.forward import Forward
from .._model.names import mac_address
from .._model.sensitive import sensitivity
from .._model.share_rules import refused_directory
from .._model.size import GIB, format_size
from .._model.value import UNKNOWN
from .._plan import Action, Plan
from .domain_compare import check_machine, compare, with_fragment
from .domain_host import Hardware, check_hardware

_MACHINES = {"x86_64": "q35", "i686": "q35", "aarch64": "virt"}
_PREPARE = "Apply role burrow.vm.hypervisor to this host (playbook burrow.vm.prepare)."
# Role guest calls the option burrow_restart_policy.
_POLICY = "restart_policy (burrow_restart_policy)"
_CONSENT = f"Set {_POLICY} to now (restart the guest), or to defer (its next start brings the change)."


@dataclass(frozen=True)
class Host:
    """What the host offers to a new domain, and what is there of what was asked for."""

    architecture: str = "x86_64"
    accelerator: str = "tcg"
    qemu_version: int = 0


@dataclass(frozen=True)
class State:
    """A domain as it was found. definition is None when there is none; live is that of the running guest.

    text: its XML. leftovers: files that go with an absent domain. kept: its disks that stay, being not ours.
    leases: what its networks' DHCP holds for an absent domain.
    directories: share that is asked for -> where it leads.
    """

    definition: Optional[Definition] = None
    text: str = ""
    live: Optional[Definition] = None
    run_state: str = "absent"
    uuid: str = ""
    active: bool = False
    saved: bool = False
    leftovers: tuple[str, ...] = ()
    leases: tuple[Lease, ...] = ()
    kept: tuple[str, ...] = ()
    directories: Mapping[str, str] = field(default_factory=dict)
    host: Host = field(default_factory=Host)


def plan(request: Request, state: State) -> Plan:
    """The plan, or a refusal."""
    request = _located(request, state)
    if state.definition is not None and request.owned_only and not state.definition.owned:
        problem = f"domain {request.name} is there and isn't ours: it has no stamp of burrow.vm"
        raise SpecError("name", problem, "Choose another name; the domain was not touched.", "not_owned")
    if request.state == "absent":
        return _plan_absent(request, state)
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
        wanted = _with_macs(request.name, merge(state.definition, request.stated, request.purge))
    # All that is said of a new domain is stated, if only as a default.
    stated = wanted if state.definition is None else request.stated
    check_machine(stated, wanted)
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
    accelerator = request.stated.accelerator or request.defaults.accelerator or host.accelerator
    mode, disable = cpu_default(accelerator, host.architecture, host.qemu_version)
    defaults = Definition(
        cpus=2,
        memory=2 * GIB,
        accelerator=accelerator,
        machine=_MACHINES.get(host.architecture, "virt"),
        cpu_mode=mode,
        cpu_disable=disable or None,
        firmware="efi",
    )
    definition = create(request.stated, request.defaults, defaults)
    return dataclasses.replace(_with_macs(request.name, definition), owned=True)


def _with_macs(name: str, definition: Definition) -> Definition:
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


def _plan_absent(request: Request, state: State) -> Plan:
    actions = []
    if state.definition is not None:
        if state.active:
            actions.append(Action("power_off", f"power off domain {request.name}"))
        # While the definition is there: an interrupted removal finds them again.
        actions += [Action("release", f"release the lease of {held.address}", {"held": held}) for held in state.leases]
        # What lies on a disk that stays may need its NVRAM (boot entries, Secure Boot's keys).
        keep = bool(state.kept)
        what = "its saved state and snapshots" if keep else "its NVRAM, saved state and snapshots"
        actions.append(Action("undefine", f"remove domain {request.name} with {what}", {"keep_nvram": keep}))
    actions += [Action("remove_file", f"remove {path}", {"path": path}) for path in state.leftovers]
    before = request.name if state.definition is not None else None
    return Plan(tuple(actions), (Change("domain", before, None),) if before else ())


def _plan_creation(request: Request, state: State) -> Plan:
    definition = _wanted(request, state)
    shown = _effect(request, state, definition)
    size = format_size(shown.memory or 0)
    summary = f"create domain {request.name} ({shown.cpus} CPUs, {size}, {shown.accelerator})"
    actions = [Action("create", summary, {"definition": definition})]
    if request.state == "running":
        actions.append(Action("start", f"start domain {request.name}", {"undo": True}))
    slow = _slow(request, state.host)
    warnings = ("KVM can't be used on this host: the guest runs under emulation",) if slow else ()
    return Plan(tuple(actions), changes(facets(shown), {}, impacts()), {"restart_required": []}, warnings)


def _slow(request: Request, host: Host) -> bool:
    return request.stated.accelerator == "kvm" and host.accelerator != "kvm"


def _plan_update(request: Request, state: State, before: Definition) -> Plan:
    after = _wanted(request, state)
    _effect(request, state, after)
    found = compare(before, after)
    waiting = _waiting(request, state)
    stops = request.state == "stopped" and state.active
    alive = (state.active or state.saved) and not stops
    _check_consent(request, found, alive)
    restart = alive and request.policy == "now" and bool(waiting or _restarting(found))
    actions: list[Action] = []
    if stops:
        actions.append(_stop(request))
    elif restart and state.active:
        actions.append(_stop(request, "to restart it"))
    if restart and state.saved:
        actions.append(Action("discard_saved", "discard the saved state, which has the old definition"))
    actions += _defining(found, before, after, live=state.active and not stops and not restart)
    started = restart or not state.active
    if (request.state == "running" and started) or (restart and state.active):
        actions.append(Action("start", f"start domain {request.name}"))
    elif request.state == "running" and state.run_state in ("paused", "pmsuspended"):
        actions.append(Action("resume", f"resume domain {request.name}"))
    reported = list(found)
    if actions and request.state in ("running", "stopped"):
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
        raise SpecError(needing[0].path, f"to {needing[0].sentence()} needs a restart", hint, "restart_required")


def _restarting(found: tuple[Change, ...]) -> list[Change]:
    return [change for change in found if change.impact in (RESTART, RECREATE)]


def _stop(request: Request, why: str = "") -> Action:
    summary = f"shut domain {request.name} down{' ' if why else ''}{why} (power off after {request.timeout} s)"
    return Action("stop", summary, {"timeout": request.timeout})


def _defining(found: tuple[Change, ...], before: Definition, after: Definition, *, live: bool) -> list[Action]:
    actions = []
    written = [change for change in found if change.path != "autostart"]
    if any(change.impact == RECREATE for change in written):
        drop_nvram = before.firmware == "efi" and after.firmware != "efi"
        summary = f"define the domain anew: {_sentences(written)}"
        actions.append(Action("recreate", summary, {"definition": after, "drop_nvram": drop_nvram}))
    elif written:
        note = live and any(change.path.startswith("metadata.") for change in written)
        actions.append(Action("define", _sentences(written), {"definition": after, "live_metadata": note}))
    if len(written) != len(found):
        wanted = bool(after.autostart)
        actions.append(Action("autostart", f"set autostart to {wanted}", {"wanted": wanted}))
    return actions


def _sentences(found: list[Change]) -> str:
    return ", ".join(change.sentence() for change in found)


def _waiting(request: Request, state: State) -> list[str]:
    """What was asked for, is defined perhaps, and the running guest doesn't have."""
    if state.live is None or state.definition is None:
        return []
    live = state.live
    # libvirt writes out what host-model became, and each feature; the running guest is then as it was defined.
    if live.cpu_mode == "custom":
        modelled = () if state.definition.cpu_mode == "custom" else ("cpu_mode", "cpu_model")
        same = ("cpu_require", "cpu_disable", "cpu_force", *modelled)
        live = dataclasses.replace(live, **{name: getattr(state.definition, name) for name in same})
    wanted = _with_macs(request.name, merge(live, request.stated, request.purge))
    return [change.path for change in compare(live, wanted) if change.impact != LIVE]


@dataclass(frozen=True)
class Surroundings:
    """directories: share -> where it leads. taken: a forward that can't listen -> why."""

    hardware: Hardware = field(default_factory=Hardware)
    directories: Mapping[str, str] = field(default_factory=dict)
    hook: bool = True
    taken: Mapping[Forward, str] = field(default_factory=dict)
    vsock: bool = True


def needed(before: Definition, after: Definition, *, starts: bool) -> Definition:
    """The part of a definition that the host must be able to give now: all of it to a guest that starts."""
    shares = [share for share in after.filesystems or () if starts or share not in (before.filesystems or ())]
    cpus = starts or (after.cpus, after.cpus_maximum) != (before.cpus, before.cpus_maximum)
    return Definition(
        cpus=after.cpus if cpus else None,
        cpus_maximum=after.cpus_maximum if cpus else None,
        cpu_pinning=after.cpu_pinning if starts or after.cpu_pinning != before.cpu_pinning else None,
        memory=after.memory,
        memory_maximum=after.memory_maximum,
        memory_pages=after.memory_pages if starts else None,
        accelerator=after.accelerator,
        machine=after.machine,
        filesystems=tuple(shares),
        forwards=after.forwards if starts else (),
        vsock_cid=after.vsock_cid if starts else None,
    )


def check(stated: Definition, wanted: Definition, around: Surroundings, guarded: frozenset[str] = frozenset()) -> None:
    """Raise for what can't be had on this host. stated tells where the user wrote it; guarded as in Request."""
    check_hardware(wanted, around.hardware)
    if wanted.vsock_cid is not None and not around.vsock:
        hint = "Load the kernel's module vhost_vsock (`modprobe vhost_vsock`), or leave vsock out."
        raise SpecError("vsock", "this host has no /dev/vhost-vsock", hint, "no_vsock")
    _check_shares(stated, wanted, around, guarded)
    for forward in wanted.forwards or ():
        if forward in around.taken:
            problem = f"port {forward.host_port} of {forward.address} {around.taken[forward]}"
            raise SpecError(f"{_place(stated, 'forwards', forward)}.host_port", problem, "Choose another host_port.")


def _check_shares(stated: Definition, wanted: Definition, around: Surroundings, guarded: frozenset[str]) -> None:
    for share in wanted.filesystems or ():
        path, source = f"{_place(stated, 'filesystems', share)}.source", share.source or ""
        real = around.directories.get(source)
        if real is None:
            raise SpecError(path, f"{source!r} is not a directory of this host", "Make it, or share another one.")
        if refused_directory(real):
            raise SpecError(path, f"{source!r} leads to {real}, a system directory", "Share another directory.")
        if share.tag in guarded and sensitivity(real):
            hint = "Share another directory, or set allow_sensitive to true for this share."
            raise SpecError(path, f"{source!r} leads to {real}, which {sensitivity(real)}", hint)
        if share.real not in (None, real):
            problem = f"{source!r} leads to {real}, and led to {share.real} when it was checked"
            raise SpecError(path, problem, "See who changed it; if that is meant, state the share.")
    if wanted.filesystems and not around.hook:
        raise SpecError("filesystems", "this host lacks the libvirt hook that binds shares", _PREPARE, "no_hook")


def _place(stated: Definition, name: str, item: Any) -> str:
    """Where the user wrote the item of a list; one that they did not write is named by its key."""
    keys = [key(other) for other in getattr(stated, name) or ()]
    return f"{name}[{keys.index(key(item)) if key(item) in keys else key(item)}]"


def check_files(stated: Definition, definition: Definition, missing: Mapping[str, str]) -> None:
    """missing: path -> why. In check mode a disk may be a planned one, so this is asked only before it is used."""
    for path, option in used_files(stated, definition).items():
        if path == UNKNOWN:
            raise SpecError(option, "it is not known", "State a path; this value is for check mode only.")
        if path in missing:
            raise SpecError(option, f"{path!r} {missing[path]}", "Make it first (burrow.vm.disk, burrow.vm.image).")


def used_files(stated: Definition, definition: Definition) -> dict[str, str]:
    """path -> option of the files that a guest is started from."""
    found: dict[str, Optional[str]] = {}
    for disk in definition.disks or ():
        place = _place(stated, "disks", disk)
        found[f"{place}.source"] = disk.source
        found[f"{place}.base"] = disk.base
    found["kernel.path"] = definition.kernel
    found["kernel.initrd"] = definition.initrd
    return {path: option for option, path in found.items() if path is not None}
