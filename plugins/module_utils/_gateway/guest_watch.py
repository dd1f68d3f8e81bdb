# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest seen from its hypervisor: libvirt's state of it, its addresses, its SSH port, its console."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Optional
from xml.etree import ElementTree as ET

from .._errors import HostError
from .._model.public_key import PublicKey
from .._model.ready import KEY_TYPES, parse_scan
from .addresses import known_addresses
from .libvirt import Connection, failing
from .process import run

_QEMU_LOGS = "/var/log/libvirt/qemu"
# What is read of a log's end at most, in bytes.
_TAIL = 65536


@dataclass(frozen=True)
class Watch:
    """One guest, by name."""

    connection: Connection
    name: str

    def lost(self) -> bool:
        """Whether libvirtd went away since it was last asked."""
        return self.connection.lost()

    def state(self) -> Optional[tuple[int, int]]:
        """libvirt's numbers of the state and its reason, or None when there is no such domain."""
        domain = self.connection.find_domain(self.name)
        if domain is None:
            return None
        with failing("read the state", self.name):
            state, reason = domain.state()
        return int(state), int(reason)

    def console_log(self) -> Optional[str]:
        """Where libvirt writes what the guest writes to its serial console, or None."""
        domain = self.connection.domain(self.name)
        if domain is None:
            return None
        for path in ("devices/serial/log", "devices/console/log"):
            log = ET.fromstring(domain.live_xml or domain.xml).find(path)
            if log is not None:
                return log.get("file")
        return None

    def addresses(self) -> dict[str, list[str]]:
        """MAC -> addresses."""
        return known_addresses(self.connection, self.name)

    def qemu_log(self) -> bytes:
        return read_tail(os.path.join(_QEMU_LOGS, f"{self.name}.log"), 0)


def read_tail(path: Optional[str], since: int) -> bytes:
    """What stands in the file behind byte `since`, its end at most; all of it when the file was begun anew."""
    if path is None:
        return b""
    try:
        with open(path, "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            start = since if since <= size else 0
            stream.seek(max(start, size - _TAIL))
            return stream.read(_TAIL)
    except OSError:
        return b""


def size(path: Optional[str]) -> int:
    try:
        return os.path.getsize(path) if path is not None else 0
    except OSError:
        return 0


def host_key(address: str, port: int, key_type: str, timeout: float) -> Optional[PublicKey]:
    """The key of that type that the SSH server shows now, or None. It isn't proven here: each login proves it."""
    seconds = max(1, int(timeout))
    arguments = ["-T", str(seconds), "-t", KEY_TYPES[key_type], "-p", str(port), address]
    try:
        output = run(
            ["ssh-keyscan", *arguments],
            operation="ask for the host key",
            obj=address,
            timeout=timeout + 5.0,
            package="openssh-client",
        )
    except HostError as error:
        if error.code == "missing_program":
            raise
        return None
    return parse_scan(output, key_type)
