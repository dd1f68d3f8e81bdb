# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports of this host are taken, and by whom."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
from collections.abc import Iterable, Iterator

from .._model.port import Forward, PortUse

_LISTEN = "0A"
_GUEST = re.compile(rb"(?:^|\0)guest=([^,\0]+)")


def uses(forwards: Iterable[Forward]) -> Iterator[PortUse]:
    """The forwards that can't listen now, with what holds their port where /proc tells."""
    for forward in forwards:
        error = _bind_error(forward)
        if error == errno.EADDRINUSE:
            owner, guest = _owner(forward.host_port)
            yield PortUse(forward, "is in use", owner, guest)
        elif error == errno.EADDRNOTAVAIL:
            yield PortUse(forward, "is not an address of this host")


def _bind_error(forward: Forward) -> int:
    """Bind as QEMU's user networking does, and let go again. 0 when that works or can't be told."""
    family = socket.AF_INET6 if ":" in forward.address else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((forward.address, forward.host_port))
        except OSError as error:
            return error.errno or 0
    return 0


def _owner(port: int) -> tuple[str, str]:
    """The process that listens on the port, in words, and the guest whose QEMU it is."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port)}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if wanted & _descriptors(pid):
            command = _read(f"/proc/{pid}/comm").decode("utf-8", "replace").strip()
            match = _GUEST.search(_read(f"/proc/{pid}/cmdline"))
            guest = match.group(1).decode("utf-8", "replace") if match else ""
            return (f"guest {guest}" if guest else f"{command} (process {pid})"), guest
    return "", ""


def _inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in _read(table).decode("ascii", "replace").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _descriptors(pid: str) -> set[str]:
    """Where the process's descriptors lead; none of a process that is gone or somebody else's."""
    found = set()
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                found.add(os.readlink(entry.path))
    return found


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""
