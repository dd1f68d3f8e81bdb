# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a running guest, by libvirt. Its persistent definition is not touched."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Optional

from .._errors import HostError
from .._model.forward import Forward
from .libvirt import OPERATION_INVALID, failing, vanishing
from .libvirt_domain import Domains

_LIVE = 1
_HUMAN = 1
_METADATA_DESCRIPTION, _METADATA_TITLE, _METADATA_ELEMENT = 0, 1, 2
# virErrorNumber
_DEVICE_MISSING = 99
_POLL = 0.2
# `info usernet`: TCP[HOST_FORWARD]  12  127.0.0.1  8080  10.0.2.15  80  0  0
_LISTENS = re.compile(r"TCP\[HOST_FORWARD\]\s+-?\d+\s+(?P<address>\S+)\s+(?P<host>\d+)\s+\S+\s+(?P<guest>\d+)\s")


def attach(connection: Domains, name: str, xml: str, what: str) -> None:
    with failing(f"attach {what}", name):
        connection.domain_handle(name).attachDeviceFlags(xml, _LIVE)


def update(connection: Domains, name: str, xml: str, what: str) -> None:
    with failing(f"change {what} while it runs", name):
        connection.domain_handle(name).updateDeviceFlags(xml, _LIVE)


def detach(connection: Domains, name: str, xml: str, what: str) -> None:
    """Ask the guest to let go of the device.

    libvirt waits 5 s for that, and then returns as if it were done (qemuDomainDetachDeviceLive).
    """
    with vanishing(_DEVICE_MISSING), failing(f"detach {what}", name):
        connection.domain_handle(name).detachDeviceFlags(xml, _LIVE)


def wait_until(connection: Domains, name: str, met: Callable[[str], bool], timeout: float) -> bool:
    """Wait until the running guest's definition meets this; False when it doesn't in time (seconds)."""
    end = time.monotonic() + timeout
    while not met(_definition(connection, name)):
        if time.monotonic() >= end:
            return False
        time.sleep(_POLL)
    return True


def _definition(connection: Domains, name: str) -> str:
    with failing("read the running guest's definition", name):
        return str(connection.domain_handle(name).XMLDesc(0))


def limit(connection: Domains, name: str, target: str, limits: Mapping[str, int]) -> None:
    """Limit a disk; 0 is no limit. What else limits it stays (libvirt keeps the groups that aren't named)."""
    with failing(f"limit disk {target}", name):
        connection.domain_handle(name).setBlockIoTune(target, dict(limits), _LIVE)


def set_cpus(connection: Domains, name: str, number: int) -> None:
    with failing("change the number of CPUs while it runs", name):
        connection.domain_handle(name).setVcpusFlags(number, _LIVE)


def set_memory(connection: Domains, name: str, size: int) -> None:
    """Ask the guest's balloon to leave it so much memory, in bytes."""
    with failing("change memory while it runs", name):
        connection.domain_handle(name).setMemoryFlags(size >> 10, _LIVE)


def set_note(connection: Domains, name: str, element: str, prefix: str, namespace: str) -> None:
    """Write our metadata element into a running guest's definition."""
    with vanishing(OPERATION_INVALID), failing("write the metadata", name):
        connection.domain_handle(name).setMetadata(_METADATA_ELEMENT, element, prefix, namespace, _LIVE)


def describe(connection: Domains, name: str, title: Optional[str], description: Optional[str]) -> None:
    """Write both into a running guest's definition."""
    with vanishing(OPERATION_INVALID), failing("write title and description", name):
        handle = connection.domain_handle(name)
        handle.setMetadata(_METADATA_TITLE, title, None, None, _LIVE)
        handle.setMetadata(_METADATA_DESCRIPTION, description, None, None, _LIVE)


def forwards(connection: Domains, name: str, netdev: str) -> tuple[Forward, ...]:
    """The ports that the running guest's user network listens on. libvirt doesn't know them: QEMU is asked."""
    section = _monitor(connection, name, "info usernet").partition(f"({netdev}):")[2].partition("Hub ")[0]
    found = []
    for match in _LISTENS.finditer(section):
        address = "0.0.0.0" if match["address"] == "*" else match["address"]  # noqa: S104 (it is read, not bound)
        found.append(Forward(int(match["host"]), int(match["guest"]), address))
    return tuple(found)


def forward(connection: Domains, name: str, netdev: str, item: Forward, guest: str) -> None:
    """guest: the guest's address on that network."""
    rule = f"tcp:{item.address}:{item.host_port}-{guest}:{item.guest_port}"
    said = _monitor(connection, name, f"hostfwd_add {netdev} {rule}")
    # The monitor has texts only, and no verdict: it is looked at.
    if item not in forwards(connection, name, netdev):
        what = f"forward port {item.host_port} of {item.address}"
        raise HostError(what, name, said.strip() or "QEMU doesn't listen on it", "Choose another host_port.")


def unforward(connection: Domains, name: str, netdev: str, item: Forward) -> None:
    said = _monitor(connection, name, f"hostfwd_remove {netdev} tcp:{item.address}:{item.host_port}")
    if item in forwards(connection, name, netdev):
        what = f"take back the forward of port {item.host_port} of {item.address}"
        raise HostError(what, name, said.strip() or "QEMU listens on it still", "Restart the guest for that.")


def _monitor(connection: Domains, name: str, command: str) -> str:
    """Ask QEMU itself. libvirt marks the guest as tainted by it, as a guest with forwards is already."""
    import libvirt_qemu  # noqa: PLC0415

    with failing("ask QEMU's monitor", name):
        return str(libvirt_qemu.qemuMonitorCommand(connection.domain_handle(name), command, _HUMAN))
