# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a domain needs of its host: CPUs, memory, what QEMU can emulate there, and devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

from .._errors import SpecError
from .._gateway import host_devices, host_memory
from .._gateway.libvirt import LibvirtError
from .._gateway.libvirt_domain import Domains
from .._model.cpu_values import DEFAULT, members, written
from .._model.domain import Definition
from .._model.domain_desktop import Hostdev
from .._model.size import format_size
from .._xml import domain, host
from .._xml.machine import TYPES

# Of pages of this size all memory is made: they need no file system.
_SMALLEST_PAGE = 4096


@dataclass(frozen=True)
class Hardware:
    """most_cpus: of a domain. cpus: the host's. pages: size of a page -> memory set aside in such pages, in bytes.

    page: the size of those that the kernel takes by itself, in bytes. mounts: size -> whether libvirt has found a
    hugetlbfs of it. lockable: what a guest may lock of its memory, None for all.
    offers: device -> what a domain may have of it.
    What is 0, empty or missing is not known.
    """

    most_cpus: int = 0
    cpus: frozenset[int] = frozenset()
    pages: Mapping[int, int] = field(default_factory=dict)
    page: int = 0
    mounts: Optional[Mapping[int, bool]] = None
    lockable: Optional[int] = None
    offers: Mapping[str, frozenset[str]] = field(default_factory=dict)


def look(connection: Domains, wanted: Definition) -> Hardware:
    """Only what is needed is asked for."""
    there = Hardware()
    if wanted.cpus is not None or wanted.tpm is not None or wanted.graphics or wanted.video:
        offered = _offered(connection, wanted)
        there = Hardware(domain.most_cpus(offered), offers=host.offers(offered))
    if wanted.cpu_pinning or wanted.memory_pages:
        found = connection.capabilities()
        there = dataclasses.replace(there, cpus=host.cpus(found), pages=host.pages(found))
    if wanted.memory_pages:
        there = dataclasses.replace(there, page=host_memory.default_page(), mounts=host_memory.mounts())
    if wanted.memory_locked:
        there = dataclasses.replace(there, lockable=host_memory.lockable())
    return there


def _offered(connection: Domains, wanted: Definition) -> str:
    own = connection.architecture()
    architecture = wanted.architecture or own
    try:
        kind = TYPES.get(wanted.accelerator or "tcg", "qemu")
        return connection.domain_capabilities(architecture, wanted.machine or "q35", kind)
    except LibvirtError as error:
        if architecture == own:
            raise
        hint = f"Install QEMU for {architecture} (on Debian qemu-system-arm for aarch64)."
        raise SpecError("architecture", f"this host can't emulate it: {error.cause}", hint, "no_emulator") from error


def lacking(wanted: Sequence[Hostdev], stated: Sequence[Hostdev]) -> dict[str, tuple[str, str]]:
    """Address of a device that no guest can have -> why, and what helps.

    Only those that are stated are looked for: libvirt can be told to start a guest without one (startupPolicy).
    """
    named = {item.pci or item.usb for item in stated}
    found = {item.pci or item.usb or "": _lack(item) for item in wanted if (item.pci or item.usb) in named}
    return {address: why for address, why in found.items() if why is not None}


def _lack(item: Hostdev) -> Optional[tuple[str, str]]:
    if item.pci is None:
        number = host_devices.usb(item.usb or "")
        if number == 0:
            return f"this host has no USB device {item.usb}", "Plug it in, or name another one of `lsusb`."
        hint = "Name one by bus and device, as in 3/7 (see `lsusb`)."
        return None if number == 1 else (f"this host has {number} USB devices {item.usb}", hint)
    if not host_devices.has_pci(item.pci):
        return f"this host has no PCI device {item.pci}", "Name another one of `lspci -D`."
    if host_devices.in_group(item.pci):
        return None
    hint = (
        "Turn the IOMMU on: VT-d or AMD-Vi in the host's firmware, and with an Intel CPU intel_iommu=on on its"
        " kernel's command line."
    )
    return f"{item.pci} is in no IOMMU group, so that no guest can have it", hint


def check_hardware(wanted: Definition, there: Hardware) -> None:
    for path, number in (("cpus_maximum", wanted.cpus_maximum), ("cpus", wanted.cpus)):
        if there.most_cpus and (number or 0) > there.most_cpus:
            problem = f"{number} is more than the hypervisor can give"
            raise SpecError(path, problem, f"Write a number from 1 to {there.most_cpus}.")
    for name, cpus in (wanted.cpu_pinning or {}).items():
        missing = members(cpus) - there.cpus
        if there.cpus and missing:
            problem = f"this host has no CPU {written(missing)}"
            raise SpecError(f"cpu.pinning.{name}", problem, f"Its CPUs are {written(there.cpus)}.")
    size = there.page if wanted.memory_pages == DEFAULT else wanted.memory_pages
    if isinstance(size, int) and size > _SMALLEST_PAGE:
        _check_pages(size, wanted.memory_maximum or wanted.memory or 0, there)
    if wanted.memory_locked and there.lockable is not None and there.lockable < (wanted.memory or 0):
        problem = (
            f"a guest may lock {format_size(there.lockable)} on this host, and libvirtd is not allowed to raise that"
        )
        hint = (
            "Start libvirtd without that limit (ulimit -l), its container with CAP_SYS_RESOURCE, or leave locked out."
        )
        raise SpecError("memory_backing.locked", problem, hint, "no_locking")


def _check_pages(size: int, memory: int, there: Hardware) -> None:
    path = "memory_backing.hugepages"
    if there.pages and there.pages.get(size, 0) < memory:
        aside = format_size(there.pages.get(size, 0)) if there.pages.get(size) else "nothing"
        problem = f"this host has {aside} in pages of {format_size(size)}, and the guest needs {format_size(memory)}"
        place = f"/sys/kernel/mm/hugepages/hugepages-{size >> 10}kB/nr_hugepages"
        raise SpecError(path, problem, f"Write {-(-memory // size)} or more to {place}.")
    if there.mounts is None or there.mounts.get(size):
        return
    restart = "restart libvirtd (or virtqemud), which looks for it when it starts"
    if size in there.mounts:
        problem = f"libvirt hasn't found the hugetlbfs of pages of {format_size(size)} yet"
        raise SpecError(path, problem, f"{restart.capitalize()}.", "no_hugetlbfs")
    mount = f"mount -t hugetlbfs -o pagesize={size >> 20}M hugetlbfs /dev/hugepages"
    problem = f"no hugetlbfs of pages of {format_size(size)} is mounted on this host"
    raise SpecError(path, problem, f"Mount one ({mount}), then {restart}.", "no_hugetlbfs")
