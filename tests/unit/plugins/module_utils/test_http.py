# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small documents, and what errors of the connection tell; of larger files see test_download."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import http

from .hostile_server import serving


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as server:
        server.files["/list"] = b"image"
        yield server.address


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,name.invalid")


def test_a_text_is_bounded(address: str) -> None:
    assert http.fetch(f"{address}/list", "x", limit=5) == b"image"
    with pytest.raises(HostError, match="sent more than 4 bytes"):
        http.fetch(f"{address}/list", "x", limit=4)


@pytest.mark.parametrize("path", ["/404", "/loop", "/slow-head"])
def test_a_text_that_does_not_come(address: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_TEXT_DEADLINE", 0.2)
    with pytest.raises(HostError) as caught:
        http.fetch(f"{address}{path}?token=secret", "x")
    assert caught.value.code == http.UNREACHABLE
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://127.0.0.1:1/image?token=secret", "network and proxy"),
        ("http://name.invalid/image?token=secret", "/etc/resolv.conf"),
    ],
)
def test_nobody_there(url: str, hint: str) -> None:
    with pytest.raises(HostError) as caught:
        http.fetch(url, "x")
    assert caught.value.code == http.UNREACHABLE
    assert hint in caught.value.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "hint"), [(9, "clock"), (10, "clock"), (20, "trust store"), (99, "network and proxy")]
)
def test_a_certificate_of_another_time_tells_of_the_clock(
    monkeypatch: pytest.MonkeyPatch, code: int, hint: str
) -> None:
    class Opener:
        def open(self, *_arguments: object, **_options: object) -> None:
            reason = ssl.SSLCertVerificationError("certificate verify failed")
            reason.verify_code = code
            raise urllib.error.URLError(reason)

    monkeypatch.setattr(urllib.request, "build_opener", lambda *handlers: Opener())
    with pytest.raises(HostError) as caught:
        http.fetch("https://127.0.0.1/image", "x")
    assert hint in caught.value.hint
