# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves a directory on loopback for as long as the directory is there: `serve.py DIRECTORY`.

The port is written into DIRECTORY/port. Below /slow/ a file comes at 100 KB a second; each request is noted in
DIRECTORY/requests.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_LIFE = 600.0


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        with Path(self.directory, "requests").open("a", encoding="utf-8") as log:
            log.write(f"{self.path}\n")
        if not self.path.startswith("/slow/"):
            super().do_GET()
            return
        content = Path(self.directory, os.path.basename(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for start in range(0, len(content), 10_000):
            self.wfile.write(content[start : start + 10_000])
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
