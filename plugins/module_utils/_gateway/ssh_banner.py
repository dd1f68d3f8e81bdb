# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an SSH server says first."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass
from typing import Optional

from .._model.answer import BANNER_BYTES, parse_banner


@dataclass(frozen=True)
class Reply:
    """What a connection to a port gave. connected: somebody accepted it; problem: why there is no banner."""

    connected: bool
    banner: Optional[str] = None
    problem: str = ""


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
