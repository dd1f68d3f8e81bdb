# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt says about the host and the wanted guests; it may be absent."""

from __future__ import annotations

import contextlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from typing import Any

from .._model.paths import Store
from .._model.preflight import GuestState, LibvirtState, NetworkState
from .._model.preflight_checks import PREPARE
from . import files

try:
    import libvirt
except ImportError:  # an unprepared host
    libvirt = None

_NAMESPACE = "https://burrow.vm/xmlns/domain/1"
_STATES = ("present", "running", "running", "paused", "stopping", "stopped", "crashed", "suspended")


def available() -> bool:
    """Whether this Python has libvirt's module."""
    return libvirt is not None


def status(uri: str, names: Sequence[str], network: str, domain_type: str, store: Store) -> LibvirtState:
    """names are the wanted guests, network ours, domain_type what guests would run as."""
    if libvirt is None:
        return LibvirtState("libvirt's Python module is not installed", PREPARE)
    # libvirt writes errors to standard error too, which is part of a module's output.
    libvirt.registerErrorHandler(lambda *_: None, None)
    try:
        connection = libvirt.open(uri)
    except libvirt.libvirtError as error:
        return LibvirtState(f"can't connect to {uri}: {error.get_error_message()}", _remedy(uri, error))
    try:
        most_cpus, efi = _capabilities(connection, domain_type)
        return LibvirtState(
            version=connection.getLibVersion(),
            qemu_version=_qemu_version(connection),
            most_cpus=most_cpus,
            efi=efi,
            domains={name: _guest(connection, name, store) for name in names},
            network=_network(connection, network),
        )
    except libvirt.libvirtError as error:
        return LibvirtState(f"{uri}: {error.get_error_message()}", "Look into libvirtd's log.")
    finally:
        with contextlib.suppress(libvirt.libvirtError):
            connection.close()


def _remedy(uri: str, error: Any) -> str:
    if error.get_error_code() in (libvirt.VIR_ERR_AUTH_UNAVAILABLE, libvirt.VIR_ERR_AUTH_CANCELLED):
        return "Run with become, or put the user into group libvirt."
    return PREPARE if uri.startswith("qemu:///") else "Name a libvirt that runs, as qemu:///system."


def _qemu_version(connection: Any) -> int:
    """0 when libvirt finds no QEMU."""
    with contextlib.suppress(libvirt.libvirtError):
        return int(connection.getVersion())
    return 0


def _capabilities(connection: Any, domain_type: str) -> tuple[int, bool]:
    """The CPUs that a guest of the host's architecture can have (0: not told), and whether there is UEFI firmware."""
    for machine in ("q35", "virt", None):
        with contextlib.suppress(libvirt.libvirtError):
            document = ET.fromstring(connection.getDomainCapabilities(None, None, machine, domain_type))
            cpus = document.find("vcpu")
            values = document.iterfind("os/enum[@name='firmware']/value")
            return int(cpus.get("max", "0")) if cpus is not None else 0, any(value.text == "efi" for value in values)
    return 0, False


def _network(connection: Any, name: str) -> NetworkState:
    network = next(_found(connection.networkLookupByName, name), None)
    if network is None:
        return NetworkState()
    return NetworkState(True, bool(network.isActive()), network.bridgeName())


def _guest(connection: Any, name: str, store: Store) -> GuestState:
    domain = next(_found(connection.lookupByName, name), None)
    if domain is None:
        return GuestState()
    metadata = _metadata(domain)
    number = domain.state()[0]
    return GuestState(
        exists=files.exists(store.guest(name).root_disk),
        owned=bool(metadata),
        state=_STATES[number] if number < len(_STATES) else "unknown",
        metadata=metadata,
    )


def _metadata(domain: Any) -> dict[str, object]:
    """Our stamp; empty on a domain that isn't ours."""
    try:
        text = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, _NAMESPACE)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return {}
        raise
    element = ET.fromstring(text)
    digests = {child.get("name"): child.get("value") for child in element if child.tag.endswith("digest")}
    return {**element.attrib, "digests": digests}


def _found(lookup: Any, name: str) -> Iterator[Any]:
    """The object of that name; nothing when there is none."""
    try:
        yield lookup(name)
    except libvirt.libvirtError as error:
        if error.get_error_code() not in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_NO_NETWORK):
            raise
