# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a domain needs of its host's CPUs and memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from .._errors import SpecError
from .._gateway.libvirt import LibvirtError
from .._gateway.libvirt_domain import Domains
from .._model.cpu_values import members, written
from .._model.domain import Definition
from .._model.size import format_size
from .._xml import domain, host
from .._xml.machine import TYPES


@dataclass(frozen=True)
class Hardware:
    """most_cpus: of a domain. cpus: the host's. pages: size of a page -> memory set aside in such pages, in bytes.

    tpms: where a TPM may come from, or nothing when it is not known.
    What is 0 or empty is not known.
    """

    most_cpus: int = 0
    cpus: frozenset[int] = frozenset()
    pages: Mapping[int, int] = field(default_factory=dict)
    tpms: Optional[frozenset[str]] = None


def look(connection: Domains, wanted: Definition) -> Hardware:
    """Only what is needed is asked for."""
    there = Hardware()
    if wanted.cpus is not None or wanted.tpm is not None:
        offered = _offered(connection, wanted)
        there = Hardware(domain.most_cpus(offered), tpms=host.tpms(offered))
    if wanted.cpu_pinning or wanted.memory_pages:
        found = connection.capabilities()
        there = dataclasses.replace(there, cpus=host.cpus(found), pages=host.pages(found))
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


def check_hardware(wanted: Definition, there: Hardware) -> None:
    for path, number in (("cpus_maximum", wanted.cpus_maximum), ("cpus", wanted.cpus)):
        if there.most_cpus and (number or 0) > there.most_cpus:
            problem = f"{number} is more than the hypervisor can give"
            raise SpecError(path, problem, f"Write a number from 1 to {there.most_cpus}.")
    if wanted.tpm == "emulator" and there.tpms is not None and wanted.tpm not in there.tpms:
        raise SpecError("tpm", "this host can't emulate one", "Install swtpm and swtpm-tools, or leave tpm out.")
    for name, cpus in (wanted.cpu_pinning or {}).items():
        missing = members(cpus) - there.cpus
        if there.cpus and missing:
            problem = f"this host has no CPU {written(missing)}"
            raise SpecError(f"cpu.pinning.{name}", problem, f"Its CPUs are {written(there.cpus)}.")
    size, memory = wanted.memory_pages, wanted.memory_maximum or wanted.memory or 0
    if isinstance(size, int) and there.pages and there.pages.get(size, 0) < memory:
        aside = format_size(there.pages.get(size, 0)) if there.pages.get(size) else "nothing"
        problem = f"this host has {aside} in pages of {format_size(size)}, and the guest needs {format_size(memory)}"
        place = f"/sys/kernel/mm/hugepages/hugepages-{size >> 10}kB/nr_hugepages"
        raise SpecError("memory_backing.hugepages", problem, f"Write {-(-memory // size)} or more to {place}.")
