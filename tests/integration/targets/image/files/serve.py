# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves a directory on loopback for as long as the directory is there: `serve.py DIRECTORY`.

The port is written into DIRECTORY/port. Below /slow/ a file's first half comes at once, and the second at 100 KB a
second; below /cut/ the first half is all that comes of a whole file, and the rest is sent to those who ask for it.
Each request is noted in DIRECTORY/requests, with the range that it is for.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_LIFE = 600.0
_TAG = '"one"'


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        with Path(self.directory, "requests").open("a", encoding="utf-8") as log:
            log.write(f"{self.path} {self.headers.get('Range', 'whole')}\n")
        if self.path.startswith(("/slow/", "/cut/")):
            self.send_part(Path(self.directory, os.path.basename(self.path)).read_bytes())
        else:
            super().do_GET()

    def send_part(self, content: bytes) -> None:
        asked, size = self.headers.get("Range"), len(content)
        start = int(asked[len("bytes=") : -1]) if asked and self.headers.get("If-Range") == _TAG else 0
        self.send_response(206 if start else 200)
        self.send_header("ETag", _TAG)
        self.send_header("Content-Length", str(size - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        if start and self.path.startswith("/cut/"):
            self.wfile.write(content[start:])
            return
        self.wfile.write(content[start : size // 2])
        if self.path.startswith("/slow/"):
            for place in range(max(start, size // 2), size, 10_000):
                self.wfile.write(content[place : place + 10_000])
                time.sleep(0.1)

    def log_message(self, *arguments: object) -> None:
        pass


def main() -> None:
    directory = sys.argv[1]
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=directory))
    server.timeout = 0.5
    server.daemon_threads = True
    Path(directory, "port.part").write_text(str(server.server_port), encoding="utf-8")
    Path(directory, "port.part").rename(Path(directory, "port"))
    end = time.monotonic() + _LIFE
    while time.monotonic() < end and os.path.isdir(directory):
        server.handle_request()


if __name__ == "__main__":
    main()
