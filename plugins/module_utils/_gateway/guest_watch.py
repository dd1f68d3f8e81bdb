# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest seen from its hypervisor: libvirt's state of it, its addresses, its SSH port, its console."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from dataclasses import dataclass
from typing import Optional
from xml.etree import ElementTree as ET

from .._errors import HostError
from .._model.public_key import PublicKey
from .._model.ready import BANNER_BYTES, KEY_TYPES, parse_banner, parse_scan
from .addresses import find_addresses
from .libvirt import Connection, failing
from .process import run

_QEMU_LOGS = "/var/log/libvirt/qemu"
# What is read of a log's end at most, in bytes.
_TAIL = 65536


@dataclass(frozen=True)
class Reply:
    """What a connection to a port gave. connected: somebody accepted it; problem: why there is no banner."""

    connected: bool
    banner: Optional[str] = None
    problem: str = ""


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
        """MAC -> addresses: what libvirt's DHCP server gave out, else whom the host's kernel has met."""
        return find_addresses(self.connection, self.name, "lease") or find_addresses(self.connection, self.name, "arp")

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


def banner(address: str, port: int, connect_time: float, banner_time: float) -> Reply:
    """Connect and read what an SSH server says first. Times in seconds."""
    try:
        connection = socket.create_connection((address, port), connect_time)
    except OSError as error:
        reason = "no answer" if isinstance(error, socket.timeout) else str(error.strerror or error)
        return Reply(False, problem=reason)
    with contextlib.closing(connection):
        return _read_banner(connection, time.monotonic() + banner_time)


def _read_banner(connection: socket.socket, end: float) -> Reply:
    data = b""
    while len(data) < BANNER_BYTES:
        remaining = end - time.monotonic()
        if remaining <= 0:
            return Reply(True, problem="it sends no SSH banner")
        connection.settimeout(remaining)
        try:
            chunk = connection.recv(1024)
        except OSError as error:
            reason = "it sends no SSH banner" if isinstance(error, socket.timeout) else str(error.strerror or error)
            return Reply(True, problem=reason)
        data += chunk
        found = parse_banner(data) if b"\n" in data else None
        if found is not None:
            return Reply(True, found)
        if not chunk:
            return Reply(True, problem="it closed the connection" if not data else "what answers is no SSH server")
    return Reply(True, problem="what answers is no SSH server")


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
