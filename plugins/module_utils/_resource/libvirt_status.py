# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt says about the host and the wanted guests; it may be absent."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Optional
from xml.etree import ElementTree as ET

from .._errors import HostError
from .._gateway.libvirt_network import Networks
from .._model.accelerator import most_of
from .._model.paths import Store
from .._model.preflight import GuestState, LibvirtState, NetworkState
from .._model.preflight_checks import PREPARE
from .._xml.metadata import OWNER
from .._xml.tree import BURROW
from . import guest_look

# A guest that doesn't answer takes seconds; the others need not wait for it.
_AT_ONCE = 16
_MACHINES = {"x86_64": "q35", "aarch64": "virt"}


def available() -> bool:
    """Whether this Python has libvirt's module."""
    return importlib.util.find_spec("libvirt") is not None


@dataclass(frozen=True)
class Question:
    """names are the wanted guests, network ours, domain_type and architecture what guests would run as."""

    names: Sequence[str]
    network: str
    domain_type: str
    architecture: str
    store: Store


def status(connection: Networks, question: Question) -> LibvirtState:
    if not available():
        return LibvirtState("libvirt's Python module is not installed", PREPARE)
    try:
        most_cpus, efi = _capabilities(connection, question.architecture, question.domain_type)
        return LibvirtState(
            version=connection.version(),
            qemu_version=connection.qemu_version(),
            most_cpus=most_cpus,
            efi=efi,
            domains=_guests(connection, question),
            network=_network(connection, question.network),
        )
    except HostError as error:
        return LibvirtState(
            f"{connection.uri}: can't {error.operation}: {error.cause}", error.hint or "Look into libvirtd's log."
        )


def _capabilities(connection: Networks, architecture: str, domain_type: str) -> tuple[int, bool]:
    """The CPUs that a guest can have (0: not told), and whether there is UEFI firmware."""
    machine: Optional[str] = _MACHINES.get(architecture)
    if machine is None:
        return 0, False
    document = ET.fromstring(connection.domain_capabilities(architecture, machine, domain_type))
    cpus = document.find("vcpu")
    values = document.iterfind("os/enum[@name='firmware']/value")
    most = int(cpus.get("max", "0")) if cpus is not None else 0
    return most_of(architecture, most), any(value.text == "efi" for value in values)


def _network(connection: Networks, name: str) -> NetworkState:
    network = connection.network(name)
    if network is None:
        return NetworkState()
    stamp = ET.fromstring(network.xml).find(f"metadata/{{{BURROW}}}network")
    owned = stamp is not None and stamp.get("owner") == OWNER
    return NetworkState(True, network.active, network.bridge or "", network.autostart, owned)


def _guests(connection: Networks, question: Question) -> dict[str, GuestState]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda name: guest_look.look(connection, name, question.store), question.names)
        return dict(zip(question.names, found))
