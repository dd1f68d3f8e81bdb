# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one option of a domain means for another: what follows of it, and what contradicts it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Optional

from .._errors import SpecError
from .cpu_values import EMULATOR, members, written
from .domain import CUSTOM, TIMEZONE, Definition
from .domain_values import NONE
from .size import format_size

BOOT = ("kernel", "initrd", "cmdline")
POLICIES = ("cpu_require", "cpu_disable", "cpu_force")
# architecture -> how machines of others begin
_MACHINES = {"aarch64": ("q35", "pc"), "x86_64": ("virt",)}
# path, problem, hint
Refusal = tuple[str, str, str]


def settle(observed: Definition, stated: Definition, after: Definition) -> Definition:
    """after, which is observed with stated laid over it, with all that follows of what is stated."""
    for rule in _FOLLOWING:
        after = dataclasses.replace(after, **rule(observed, stated, after))
    return after


def _follow_boot(observed: Definition, stated: Definition, after: Definition) -> dict[str, Any]:  # noqa: ARG001
    """Firmware and kernel exclude each other; a domain that has both and keeps its kernel keeps the firmware."""
    if stated.firmware is not None:
        return dict.fromkeys(BOOT)
    return {"firmware": None} if stated.kernel is not None and observed.kernel is None else {}


def _follow_ports(observed: Definition, stated: Definition, after: Definition) -> dict[str, Any]:
    """Ports belong to their machine: another one has those that are asked for."""
    return {} if after.machine == observed.machine else {"pcie_root_ports": stated.pcie_root_ports}


def _follow_maximum(observed: Definition, stated: Definition, after: Definition) -> dict[str, Any]:  # noqa: ARG001
    """A maximum that isn't stated is raised by what is; one that is no more than that is none."""
    found: dict[str, Any] = {}
    for name in ("cpus", "memory"):
        most, wanted = getattr(after, f"{name}_maximum"), getattr(after, name)
        unstated = getattr(stated, f"{name}_maximum") is None
        if most is not None and wanted is not None and (most == wanted or (unstated and wanted > most)):
            found[f"{name}_maximum"] = None
    return found


def _follow_cpu(observed: Definition, stated: Definition, after: Definition) -> dict[str, Any]:  # noqa: ARG001
    """Only a custom CPU has a model, and a feature is under one policy: the one that is stated."""
    found: dict[str, Any] = {} if after.cpu_mode == CUSTOM else {"cpu_model": None}
    for policy in POLICIES:
        if getattr(stated, policy) is None:
            found[policy] = without_others(getattr(after, policy), stated, policy)
    return found


def without_others(names: Optional[tuple[str, ...]], stated: Definition, policy: str) -> Optional[tuple[str, ...]]:
    """The features of one policy that stated has under no other one."""
    elsewhere = {name for other in POLICIES if other != policy for name in getattr(stated, other) or ()}
    return tuple(name for name in names or () if name not in elsewhere) or None


def _follow_shares(observed: Definition, stated: Definition, after: Definition) -> dict[str, Any]:
    """vhost-user: virtiofsd has to see the guest's memory."""
    known = {share.tag for share in observed.filesystems or ()}
    new = [share for share in after.filesystems or () if share.tag not in known]
    return {"memory_shared": True} if new and stated.memory_shared is not False else {}


def _follow_secure_boot(observed: Definition, stated: Definition, after: Definition) -> dict[str, Any]:
    """New firmware has no Secure Boot unless it is asked for; without it, only what is asked for is left to refuse."""
    if after.firmware != "efi":
        return {"secure_boot": stated.secure_boot or None}
    return {"secure_boot": False} if after.secure_boot is None and observed.firmware != "efi" else {}


def _follow_devices(observed: Definition, stated: Definition, after: Definition) -> dict[str, Any]:  # noqa: ARG001
    """Without a watchdog it does nothing, and only one kind of clock has a time zone."""
    found = {} if after.watchdog_model else {"watchdog_action": None}
    return found if after.clock_offset == TIMEZONE else {**found, "clock_timezone": None}


_FOLLOWING = (
    _follow_boot,
    _follow_ports,
    _follow_maximum,
    _follow_cpu,
    _follow_shares,
    _follow_secure_boot,
    _follow_devices,
)


def check(stated: Definition, wanted: Definition) -> None:
    """Refuse what contradicts itself; of a domain that others made only what has to do with what is stated."""
    for rule in _CONTRADICTIONS:
        for path, problem, hint in rule(stated, wanted):
            raise SpecError(path, problem, hint)


def _named(stated: Definition, **paths: str) -> Optional[str]:
    """The path of the first of these attributes that is stated."""
    return next((path for attribute, path in paths.items() if getattr(stated, attribute) is not None), None)


def _check_maximum(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    for name, shown in (("cpus", str), ("memory", format_size)):
        most, held = getattr(wanted, f"{name}_maximum"), getattr(wanted, name)
        if most is not None and held is not None and held > most:
            path = _named(stated, **{name: name, f"{name}_maximum": f"{name}_maximum"})
            if path is not None:
                problem = f"{shown(held)} is more than {name}_maximum, which is {shown(most)}"
                yield path, problem, f"Set {name}_maximum to {shown(held)} or more."


def _check_topology(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    path = _named(stated, cpu_topology="cpu.topology", cpus_maximum="cpus_maximum", cpus="cpus")
    most = wanted.cpus_maximum or wanted.cpus
    if path is None or not wanted.cpu_topology or most is None:
        return
    product = 1
    for number in wanted.cpu_topology.values():
        product *= number
    if product != most:
        words = ", ".join(f"{number} {name}" for name, number in wanted.cpu_topology.items())
        hint = f"Set {'cpus_maximum' if wanted.cpus_maximum else 'cpus'} to {product}, or state another topology."
        yield path, f"a topology of {words} has {product} CPUs, and the guest {most}", hint


def _check_numa(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    path = _named(
        stated,
        numa="numa",
        cpus_maximum="cpus_maximum",
        cpus="cpus",
        memory_maximum="memory_maximum",
        memory="memory",
    )
    if path is None or not wanted.numa:
        return
    cpus = {cpu for cell in wanted.numa for cpu in members(cell["cpus"])}
    most = wanted.cpus_maximum or wanted.cpus or 0
    if cpus != set(range(most)):
        yield path, f"its cells have CPUs {written(cpus)}, and the guest 0-{most - 1}", "Put each CPU into one cell."
    size, memory = sum(cell["memory"] for cell in wanted.numa), wanted.memory_maximum or wanted.memory or 0
    if size != memory:
        hint = "Share the guest's memory out among the cells."
        yield path, f"its cells have {format_size(size)}, and the guest {format_size(memory)}", hint


def _check_pinning(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    most = wanted.cpus_maximum or wanted.cpus
    if most is None or _named(stated, cpu_pinning="", cpus_maximum="", cpus="") is None:
        return
    for name in wanted.cpu_pinning or ():
        if name != EMULATOR and int(name) >= most:
            yield f"cpu.pinning.{name}", f"the guest has no CPU {name}", f"Its CPUs are 0 to {most - 1}."


def _check_cpu(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    if stated.cpu_model is not None and stated.cpu_mode not in (None, CUSTOM):
        yield "cpu.model", f"mode {stated.cpu_mode} takes none", f"Set cpu.mode to {CUSTOM}, or leave one out."
    if stated.cpu_mode == CUSTOM and wanted.cpu_model is None:
        yield "cpu.model", f"mode {CUSTOM} needs one", "Name one of `virsh cpu-models x86_64`, or choose another mode."


def _check_shared(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    if stated.memory_shared is False and wanted.filesystems:
        hint = "Leave it out, or take the shares away."
        yield "memory_backing.shared", "filesystems need memory that virtiofsd shares with the guest", hint


def _check_firmware(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    path = _named(stated, secure_boot="secure_boot", firmware="firmware", kernel="kernel", machine="machine")
    if path is None or not wanted.secure_boot:
        return
    if wanted.firmware != "efi":
        boots = f"firmware {wanted.firmware}" if wanted.firmware else "a kernel without firmware"
        yield path, f"the guest boots by {boots}, which has no Secure Boot", "Set firmware to efi, or leave it out."
    # What checks signatures has to be out of the guest's reach (SMM).
    elif wanted.architecture in (None, "x86_64") and not (wanted.machine or "q35").startswith(("q35", "pc-q35-")):
        yield path, f"machine {wanted.machine} has no Secure Boot", "Set machine to q35, or secure_boot to false."


def _check_architecture(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    path = _named(stated, architecture="architecture", machine="machine")
    other = _MACHINES.get(wanted.architecture or "", ())
    if path is not None and (wanted.machine or "").startswith(other):
        hint = f"Set machine to {'virt' if wanted.architecture == 'aarch64' else 'q35'}."
        yield path, f"machine {wanted.machine} is none of {wanted.architecture}", hint


def _check_clock(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    if stated.clock_timezone is not None and stated.clock_offset != TIMEZONE:
        yield "clock.timezone", f"offset {stated.clock_offset} takes none", f"Set clock.offset to {TIMEZONE}."
    if stated.clock_offset == TIMEZONE and wanted.clock_timezone is None:
        yield "clock.timezone", f"offset {TIMEZONE} needs one", "Write one as in Europe/Berlin."


def _check_balloon(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    path = _named(stated, balloon="balloon", memory_maximum="memory_maximum")
    if path is not None and wanted.balloon == NONE and wanted.memory_maximum is not None:
        yield path, "without a balloon the guest has memory_maximum from the start", "State one of the two."


def _check_lifecycle(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    path = _named(stated, on_poweroff="on_poweroff", on_reboot="on_reboot")
    if path is not None and (wanted.on_poweroff, wanted.on_reboot) == ("restart", "destroy"):
        problem = "QEMU can't restart a guest that powers off, and end one that reboots"
        yield path, problem, "Set on_reboot to restart, or on_poweroff to destroy."


def _check_ide(stated: Definition, wanted: Definition) -> Iterator[Refusal]:
    if wanted.machine in (None, "pc") or (wanted.machine or "").startswith("pc-i440fx-"):
        return
    for number, disk in enumerate(stated.disks or ()):
        if disk.bus == "ide":
            yield f"disks[{number}].bus", f"machine {wanted.machine} has no IDE", "Choose another bus, or machine pc."


_CONTRADICTIONS: tuple[Callable[[Definition, Definition], Iterator[Refusal]], ...] = (
    _check_maximum,
    _check_topology,
    _check_numa,
    _check_pinning,
    _check_cpu,
    _check_shared,
    _check_firmware,
    _check_architecture,
    _check_clock,
    _check_balloon,
    _check_lifecycle,
    _check_ide,
)
