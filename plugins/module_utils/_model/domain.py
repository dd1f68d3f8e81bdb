# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain: what may be said of one. A further option is a row here, and its documentation.

What is no single text or attribute in libvirt's XML has a reader and a writer in `_xml/domain.py` besides. None is
unstated in what is asked for, and absent in what is read from libvirt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional, Union

from .._errors import SpecError
from . import cpu_values
from . import domain_values as values
from .domain_desktop import Channel, Graphics, Hostdev, Serial, Sound, Video
from .domain_devices import ITEMS, Filesystem
from .domain_disks import Disk
from .domain_interfaces import Interface
from .forward import Forward
from .fragment import parse_fragment
from .options import Kind, arguments, boolean, one_of, option, over, parse_rows
from .size import format_size

ACCELERATORS = ("auto", "kvm", "tcg")
FIRMWARES = ("efi", "bios")
CPU_MODES = ("maximum", "host-passthrough", "host-model", "custom")
CUSTOM = "custom"
ARCHITECTURES = ("x86_64", "aarch64")
WATCHDOGS = ("i6300esb",)
WATCHDOG_ACTIONS = ("reset", "shutdown", "poweroff", "pause", "dump", "inject-nmi", "none")
TIMEZONE = "timezone"
CLOCK_OFFSETS = ("utc", "localtime", TIMEZONE)
# What libvirt 9.0 lets QEMU do.
LIFECYCLES = ("destroy", "restart")
CRASH_LIFECYCLES = (*LIFECYCLES, "preserve", "coredump-destroy", "coredump-restart")


@dataclass(frozen=True)
class Definition:
    """autostart is libvirt's own note, all else is in the XML."""

    cpus: Optional[int] = option("cpus", "restart", values.cpus)
    # The most that a running guest can be given; nothing where that is what it starts with.
    cpus_maximum: Optional[int] = option("cpus_maximum", "restart", values.cpus)
    memory: Optional[int] = option("memory", "restart", values.memory, show=format_size)
    memory_maximum: Optional[int] = option("memory_maximum", "restart", values.memory, show=format_size)
    memory_pages: Optional[Union[int, str]] = option(
        "memory_backing.hugepages",
        "restart",
        cpu_values.pages,
        merge=values.unless_none,
        show=cpu_values.shown_pages,
    )
    memory_locked: Optional[bool] = option("memory_backing.locked", "restart", boolean, merge=values.unless_empty)
    memory_shared: Optional[bool] = option("memory_backing.shared", "restart", boolean, merge=values.unless_empty)
    accelerator: Optional[str] = option("accelerator", "restart", one_of(*ACCELERATORS))
    # Every device's address belongs to the machine.
    machine: Optional[str] = option("machine", "recreate", values.word, "os/type@machine", merge=values.machine)
    architecture: Optional[str] = option("architecture", "recreate", one_of(*ARCHITECTURES), "os/type@arch")
    cpu_mode: Optional[str] = option("cpu.mode", "restart", one_of(*CPU_MODES), "cpu@mode")
    cpu_model: Optional[str] = option("cpu.model", "restart", values.word, "cpu/model")
    cpu_require: Optional[tuple[str, ...]] = option("cpu.require", "restart", values.words, merge=values.with_others)
    cpu_disable: Optional[tuple[str, ...]] = option("cpu.disable", "restart", values.words, merge=values.with_others)
    cpu_force: Optional[tuple[str, ...]] = option("cpu.force", "restart", values.words, merge=values.with_others)
    cpu_topology: Optional[Mapping[str, int]] = option(
        "cpu.topology", "restart", cpu_values.topology, merge=values.unless_empty
    )
    # CPU of the guest, or `emulator` -> CPUs of the host.
    cpu_pinning: Optional[Mapping[str, str]] = option(
        "cpu.pinning", "restart", cpu_values.pinning, merge=values.unless_empty
    )
    numa: Optional[tuple[Mapping[str, Any], ...]] = option(
        "numa", "restart", cpu_values.cells, merge=values.unless_empty, show=cpu_values.shown_cells
    )
    # The NVRAM belongs to the firmware.
    firmware: Optional[str] = option("firmware", "recreate", one_of(*FIRMWARES))
    secure_boot: Optional[bool] = option("secure_boot", "recreate", boolean)
    kernel: Optional[str] = option("kernel.path", "restart", values.file, "os/kernel", required=True)
    initrd: Optional[str] = option("kernel.initrd", "restart", values.file, "os/initrd")
    cmdline: Optional[str] = option("kernel.cmdline", "restart", values.line, "os/cmdline")
    # Neither has an address that could move another device, so that a restart brings them.
    iommu: Optional[str] = option(
        "iommu", "restart", one_of(*values.IOMMUS, values.NONE), "devices/iommu@model", merge=values.unless_none
    )
    vsock_cid: Optional[Union[int, str]] = option(
        "vsock.cid", "restart", values.cid, merge=values.unless_none, required=True
    )
    # What a TPM keeps is in a file of its own, and no part of the definition.
    tpm: Optional[str] = option(
        "tpm", "restart", one_of("emulator", values.NONE), "devices/tpm/backend@type", merge=values.unless_none
    )
    watchdog_model: Optional[str] = option(
        "watchdog.model",
        "restart",
        one_of(*WATCHDOGS, values.NONE),
        "devices/watchdog@model",
        merge=values.unless_none,
        required=True,
    )
    watchdog_action: Optional[str] = option(
        "watchdog.action", "restart", one_of(*WATCHDOG_ACTIONS), "devices/watchdog@action"
    )
    # Unlike other devices this one is there unless something says that it isn't.
    balloon: Optional[str] = option("balloon", "restart", one_of("virtio", values.NONE), "devices/memballoon@model")
    rng: Optional[str] = option("rng", "restart", values.rng, merge=values.unless_none)
    # All that there are; libvirt adds those that its devices need, and may have added more than are asked for.
    pcie_root_ports: Optional[int] = option(
        "pcie_root_ports", "restart", values.root_ports, merge=lambda observed, stated: max(observed or 0, stated)
    )
    console_log: Optional[str] = option("console_log", "restart", values.file, "devices/serial/log@file")
    clock_offset: Optional[str] = option("clock.offset", "restart", one_of(*CLOCK_OFFSETS), "clock@offset")
    clock_timezone: Optional[str] = option("clock.timezone", "restart", values.timezone, "clock@timezone")
    on_poweroff: Optional[str] = option("on_poweroff", "restart", one_of(*LIFECYCLES), "on_poweroff")
    on_reboot: Optional[str] = option("on_reboot", "restart", one_of(*LIFECYCLES), "on_reboot")
    on_crash: Optional[str] = option("on_crash", "restart", one_of(*CRASH_LIFECYCLES), "on_crash")
    title: Optional[str] = option("title", "live", values.title, "title")
    description: Optional[str] = option("description", "live", values.prose, "description")
    # All of them, the forwards' apart.
    qemu_commandline: Optional[tuple[str, ...]] = option(
        "qemu_commandline", "restart", values.qemu_arguments, merge=values.unless_empty
    )
    autostart: Optional[bool] = option("autostart", "live", boolean)
    metadata: Optional[Mapping[str, str]] = option("metadata", "live", values.metadata, merge=over)
    # What a fragment of XML states, as the leaves of `fragment`; of a domain what it has of these.
    xml: Optional[Mapping[str, str]] = option("xml", "restart", Kind(parse_fragment, {"type": "str"}), merge=over)
    disks: Optional[tuple[Disk, ...]] = None
    interfaces: Optional[tuple[Interface, ...]] = None
    filesystems: Optional[tuple[Filesystem, ...]] = None
    hostdevs: Optional[tuple[Hostdev, ...]] = None
    serials: Optional[tuple[Serial, ...]] = None
    channels: Optional[tuple[Channel, ...]] = None
    graphics: Optional[tuple[Graphics, ...]] = None
    video: Optional[tuple[Video, ...]] = None
    sound: Optional[tuple[Sound, ...]] = None
    forwards: Optional[tuple[Forward, ...]] = None
    # Read only: our stamp, and when it was written.
    owned: bool = False
    created: Optional[str] = None


# The argument spec of all that can be said of a domain.
ARGUMENTS: Mapping[str, Any] = {
    **arguments(Definition),
    **{name: {"type": "list", "elements": "dict", "options": items.spec} for name, items in ITEMS.items()},
}


def parse(params: Mapping[str, Any], prefix: str = "") -> Definition:
    """The definition that a module's parameters state; prefix goes before each path in errors."""
    found = parse_rows(Definition, params, prefix)
    # What `auto` gives is decided at creation, and an existing domain is not pulled back.
    if found.get("accelerator") == "auto":
        del found["accelerator"]
    for name, items in ITEMS.items():
        if params.get(name) is not None:
            found[name] = items.parse(params[name], prefix + name)
    if found.get("cpu_model") is not None:
        found.setdefault("cpu_mode", CUSTOM)
    if found.get("clock_timezone") is not None:
        found.setdefault("clock_offset", TIMEZONE)
    definition = Definition(**found)
    _check_boot(params, definition, prefix)
    _check_features(definition, prefix)
    return definition


def _check_boot(params: Mapping[str, Any], definition: Definition, prefix: str) -> None:
    if params.get("kernel") is not None and definition.kernel is None:
        raise SpecError(f"{prefix}kernel.path", "it is missing", "Name the kernel's file.")
    if definition.kernel is not None and definition.firmware is not None:
        raise SpecError(f"{prefix}firmware", "it excludes kernel, which is started without firmware", "State one.")


def _check_features(definition: Definition, prefix: str) -> None:
    seen: dict[str, str] = {}
    for policy in ("require", "disable", "force"):
        for name in getattr(definition, f"cpu_{policy}") or ():
            if name in seen:
                problem = f"{name} is in cpu.{seen[name]} too"
                raise SpecError(f"{prefix}cpu.{policy}", problem, "State each feature once.")
            seen[name] = policy
