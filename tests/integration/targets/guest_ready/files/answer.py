# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four servers: one with an SSH banner in hostile company, one that is silent, one that talks, one that hangs up."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import socketserver
import sys
import threading
import time
from typing import Callable


def serve(port: int, say: Callable[[socket.socket], object]) -> None:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            say(self.request)

    server = socketserver.ThreadingTCPServer(("0.0.0.0", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()


def ssh(connection: socket.socket) -> None:
    connection.sendall(b"\x1b]0;owned\x07welcome\r\nSSH-2.0-Fake_1.0\x1b[31m\r\n")
    connection.settimeout(5)
    with contextlib.suppress(OSError):
        connection.recv(1024)


serve(22, ssh)
serve(23, lambda connection: time.sleep(30))
serve(24, lambda connection: connection.sendall(b"A" * 100000))
serve(25, lambda connection: None)

directory = pathlib.Path(sys.argv[1]).parent
while directory.exists():
    time.sleep(0.2)
