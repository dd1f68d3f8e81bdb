# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads, against a server that misbehaves."""

from __future__ import annotations

import ssl
import threading
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import http

BODY = b"image" * 1000


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        length = {"/short": len(BODY) + 1, "/huge": 1 << 60}.get(self.path, len(BODY))
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,name.invalid")


def test_download(address: str, tmp_path: Path) -> None:
    http.download(f"{address}/image", str(tmp_path / "image"), "x")
    assert (tmp_path / "image").read_bytes() == BODY
    assert http.fetch(f"{address}/image", "x", limit=len(BODY)) == BODY
    with pytest.raises(HostError, match="sent more than 5 bytes"):
        http.fetch(f"{address}/image", "x", limit=5)


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("/missing", http.UNREACHABLE, "404"),
        ("/short", "truncated", "of 5001 bytes"),
        ("/huge", "no_space", "MiB are free"),
    ],
)
def test_what_goes_wrong_has_a_name(address: str, tmp_path: Path, path: str, code: str, text: str) -> None:
    with pytest.raises(HostError, match=text) as caught:
        http.download(address + path, str(tmp_path / "image"), "x")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://127.0.0.1:1/image?token=secret", "network and proxy"),
        ("http://name.invalid/image?token=secret", "/etc/resolv.conf"),
    ],
)
def test_nobody_there(tmp_path: Path, url: str, hint: str) -> None:
    with pytest.raises(HostError) as caught:
        http.download(url, str(tmp_path / "image"), "x")
    assert caught.value.code == http.UNREACHABLE
    assert hint in caught.value.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("code", "hint"), [(9, "clock"), (10, "clock"), (20, "network and proxy")])
def test_a_certificate_of_another_time_tells_of_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, hint: str
) -> None:
    class Opener:
        def open(self, *_arguments: object, **_options: object) -> None:
            reason = ssl.SSLCertVerificationError("certificate verify failed")
            reason.verify_code = code
            raise urllib.error.URLError(reason)

    monkeypatch.setattr(http, "_OPENER", Opener())
    with pytest.raises(HostError) as caught:
        http.download("https://127.0.0.1/image", str(tmp_path / "image"), "x")
    assert hint in caught.value.hint
