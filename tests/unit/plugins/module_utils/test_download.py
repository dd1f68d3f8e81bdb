# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads from servers that cut, stall, lie and redirect: the file is what was meant, or the error says why not."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import download, files, http
from ansible_collections.burrow.vm.plugins.module_utils._gateway.download import Download, Fetched
from ansible_collections.burrow.vm.plugins.module_utils._model.checksum import Checksum
from ansible_collections.burrow.vm.plugins.module_utils._model.transfer import Login, Transfer, origin

from .hostile_server import BODY, HALF, OTHER, Server, make_certificate, serving

SHA512 = Checksum("sha512", hashlib.sha512(BODY).hexdigest())


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "_PAUSE", 0.001)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as instance:
        yield instance


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a server that the system trusts."""
    path = tmp_path / "server.pem"
    make_certificate(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def fetch(place: Path, url: str, transfer: Optional[Transfer] = None, checksum: Optional[Checksum] = SHA512) -> Fetched:
    checksums = () if checksum is None else (checksum,)
    return Download("x", str(place / "incoming"), str(place / "image"), checksums).fetch(url, transfer or Transfer())


def refused(
    place: Path, url: str, transfer: Optional[Transfer] = None, checksum: Optional[Checksum] = SHA512
) -> HostError:
    with pytest.raises(HostError) as caught:
        fetch(place, url, transfer, checksum)
    assert caught.value.hint
    assert (place / "image").exists() is (caught.value.code == "checksum")
    return caught.value


def kept(place: Path) -> int:
    """How much of it is here to be gone on with."""
    part = place / "incoming/download"
    return part.stat().st_size if part.exists() else 0


def arrived(place: Path, content: bytes = BODY) -> bool:
    return (place / "image").read_bytes() == content and not (place / "incoming").exists()


@pytest.mark.parametrize("path", ["/image", "/moved", "/no-number", "/busy", "/reset"])
def test_it_arrives(server: Server, tmp_path: Path, path: str) -> None:
    fetched = fetch(tmp_path, server.address + path + "?token=canary")
    assert arrived(tmp_path)
    assert fetched.sums == {"sha256": hashlib.sha256(BODY).hexdigest(), "sha512": SHA512.value}
    assert fetched.address == server.address + path


@pytest.mark.parametrize(
    ("path", "ranges"),
    [
        ("/cut", ["", f"bytes={HALF}-"]),
        ("/dated", ["", f"bytes={HALF}-"]),
        # Nothing tells whether the rest is of the same file.
        ("/untagged", ["", ""]),
        ("/weak", ["", ""]),
        # The server sends all of it again.
        ("/ignorant", ["", f"bytes={HALF}-"]),
        ("/changed", ["", f"bytes={HALF}-"]),
        # It sends another part, none, or one that doesn't fit: the file is asked for anew.
        ("/other-part", ["", f"bytes={HALF}-", ""]),
        ("/swapped", ["", f"bytes={HALF}-", ""]),
    ],
)
def test_it_goes_on_where_it_was_cut(server: Server, tmp_path: Path, path: str, ranges: list[str]) -> None:
    fetch(tmp_path, server.address + path)
    assert arrived(tmp_path)
    assert server.header("range") == ranges
    assert all(server.header("accept-encoding")[0] == "identity" for dummy in ranges)


def test_a_file_that_became_shorter_is_asked_for_anew(server: Server, tmp_path: Path) -> None:
    checksum = Checksum("sha256", hashlib.sha256(BODY[:1000]).hexdigest())
    fetch(tmp_path, server.address + "/shrunk", checksum=checksum)
    assert arrived(tmp_path, BODY[:1000])
    assert server.header("range") == ["", f"bytes={HALF}-", ""]


def test_the_next_run_goes_on(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_TRIES", 1)
    assert refused(tmp_path, server.address + "/cut").code == "truncated"
    assert kept(tmp_path) == HALF
    # What is kept is another file's by its checksum: it is no part of this one.
    other = Checksum("sha256", hashlib.sha256(BODY).hexdigest())
    assert refused(tmp_path, server.address + "/404", checksum=other).code == "unreachable"
    assert kept(tmp_path) == HALF
    fetch(tmp_path, server.address + "/cut")
    assert arrived(tmp_path)
    assert server.header("range") == ["", "", f"bytes={HALF}-"]


def test_what_is_kept_of_another_file_is_not_used(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_TRIES", 1)
    refused(tmp_path, server.address + "/cut")
    fetch(tmp_path, server.address + "/image", checksum=Checksum("sha256", hashlib.sha256(BODY).hexdigest()))
    assert arrived(tmp_path)
    assert server.header("range") == ["", ""]


@pytest.mark.parametrize("damage", ["[]", "", '{"wanted": 1}', '{"wanted": "x", "validator": 1, "size": "2"}'])
def test_a_note_that_is_none(server: Server, tmp_path: Path, damage: str) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming/download").write_bytes(BODY[:HALF])
    (tmp_path / "incoming/note.json").write_text(damage)
    fetch(tmp_path, server.address + "/image")
    assert arrived(tmp_path)
    assert server.header("range") == [""]


@pytest.mark.parametrize(
    ("path", "expected", "times"),
    [
        ("/403", ("unreachable", "403 Forbidden", "url_username"), 1),
        ("/401", ("unreachable", "401 Unauthorized", "url_username"), 1),
        ("/404", ("unreachable", "404 Not Found", "Correct the address"), 1),
        ("/407", ("unreachable", "407 Proxy", "https_proxy"), 1),
        ("/500", ("unreachable", "500 Internal", "later"), 4),
        ("/503", ("unreachable", "503 Service", "mirrors"), 4),
        ("/nothing", ("unreachable", "answers with 204", "Correct"), 1),
        ("/partial", ("unreachable", "answers with 206", "Correct"), 1),
        ("/hang-up", ("unreachable", "without response", "network"), 4),
        ("/rubbish", ("unreachable", "rubbish", "network"), 1),
        ("/loop", ("unreachable", "redirects more than 10 times", "ends at"), 11),
        ("/nowhere", ("unreachable", "redirects more than 10 times", "ends at"), 11),
        ("/odd", ("unreachable", "Invalid IPv6 URL", "network"), 1),
        ("/file", ("unreachable", "redirects from http to 'file'", "never followed"), 1),
        ("/always-cut", ("truncated", f"sent 0 of {len(BODY)} bytes", "mirrors"), 4),
        # The byte that is missing is asked for, in vain.
        ("/longer", ("truncated", "416 ", "mirrors"), 4),
        ("/torn", ("truncated", "in the midst", "mirrors"), 4),
        ("/shorter", ("checksum", "instead of sha512", "changed or damaged"), 1),
        ("/empty", ("checksum", "instead of sha512", "changed or damaged"), 1),
        ("/absurd", ("too_large", "larger than 256 GiB", "state `path`"), 1),
        ("/gzip", ("encoding", "Content-Encoding 'gzip'", "Switch that off"), 1),
        ("/page", ("web_page", "a web page", "browser"), 1),
    ],
)
def test_what_goes_wrong_has_a_name(
    server: Server, tmp_path: Path, path: str, expected: tuple[str, str, str], times: int
) -> None:
    code, cause, hint = expected
    error = refused(tmp_path, f"{server.address}{path}?token=canary")
    assert (error.code, len(server.requests)) == (code, times)
    assert cause in error.cause
    assert hint in error.hint
    assert "canary" not in str(error)
    assert "127.0.0.1" in error.cause or code == "too_large"
    if code not in ("unreachable", "truncated"):
        assert not (tmp_path / "incoming").exists()


def test_no_room_is_said_before_it_is_used_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "free_bytes", lambda path: 1 << 20)
    error = refused(tmp_path, server.address + "/roomy", Transfer(mirrors=(server.address + "/roomy",)))
    assert (error.code, len(server.requests)) == ("no_space", 1)
    assert not (tmp_path / "incoming").exists()


def test_endless_data_ends(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "LARGEST", 2_000_000)
    assert refused(tmp_path, server.address + "/endless").code == "too_large"
    monkeypatch.setattr(download, "LARGEST", 1 << 38)
    monkeypatch.setattr(download, "_STRIDE", 1)
    monkeypatch.setattr(files, "free_bytes", lambda path: 0)
    assert refused(tmp_path, server.address + "/endless").code == "no_space"
    assert not (tmp_path / "incoming").exists()


def test_a_server_that_stands_still(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "STALL", 0.1)
    monkeypatch.setattr(download, "_TRIES", 1)
    error = refused(tmp_path, server.address + "/stall")
    assert "nothing came for" in error.cause
    # The blocks that were whole are kept.
    assert kept(tmp_path) >= HALF // 2


@pytest.mark.parametrize("path", ["/trickle", "/slow-head"])
def test_the_deadline_is_for_all_of_it(server: Server, tmp_path: Path, path: str) -> None:
    start = time.monotonic()
    error = refused(tmp_path, server.address + path, Transfer(timeout=1))
    assert (error.code, time.monotonic() - start < 5) == ("timeout", True)
    assert "not there after 1 s" in error.cause
    assert "timeout" in error.hint
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_mirrors_are_asked_in_their_order(server: Server, tmp_path: Path) -> None:
    server.files["/pool/image"] = BODY
    mirrors = (server.address + "/404", server.address + "/page", server.address + "/pool/", server.address + "/busy")
    fetched = fetch(tmp_path, server.address + "/image", Transfer(mirrors))
    assert arrived(tmp_path)
    assert [path for path, _headers in server.requests] == ["/404", "/page", "/pool/image"]
    assert fetched.address == server.address + "/pool/image"


def test_a_mirror_goes_on_with_what_another_began(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_TRIES", 1)
    fetch(tmp_path, server.address + "/image", Transfer((server.address + "/cut",)))
    assert arrived(tmp_path)
    assert server.header("range") == ["", f"bytes={HALF}-"]


def test_a_mirror_with_another_file_is_passed_over(server: Server, tmp_path: Path) -> None:
    server.files["/wrong"] = OTHER
    fetch(tmp_path, server.address + "/image", Transfer((server.address + "/wrong",)))
    assert arrived(tmp_path)


def test_every_address_is_in_the_error(server: Server, tmp_path: Path) -> None:
    error = refused(tmp_path, server.address + "/404", Transfer((server.address + "/403", "http://127.0.0.1:1/x")))
    assert error.code == "unreachable"
    assert ("403" in error.cause, "refused" in error.cause, "404" in error.cause) == (True, True, True)
    # What was there and wrong is no reason to build the image instead.
    assert refused(tmp_path, server.address + "/404", Transfer((server.address + "/page",))).code == "web_page"


def test_https(certificate: Path, tmp_path: Path) -> None:
    with serving(certificate) as server:
        fetch(tmp_path, server.address + "/cut")
    assert arrived(tmp_path)


@pytest.mark.parametrize(
    ("trusted", "options", "hint"),
    [
        (False, {}, "update-ca-certificates"),
        (True, {"address": "127.0.0.2"}, "another server's"),
        (True, {"days": -1}, "clock"),
    ],
)
def test_a_server_that_nobody_vouches_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool, options: dict[str, object], hint: str
) -> None:
    path, other = tmp_path / "server.pem", tmp_path / "other.pem"
    make_certificate(path, **options)  # type: ignore[arg-type]
    make_certificate(other)
    monkeypatch.setenv("SSL_CERT_FILE", str(path if trusted else other))
    with serving(path) as server:
        error = refused(tmp_path, server.address + "/image")
    assert (error.code, server.requests) == ("unreachable", [])
    assert "certificate" in error.cause
    assert hint in error.hint


def test_no_way_leads_from_https_to_http(certificate: Path, server: Server, tmp_path: Path) -> None:
    with serving(certificate) as secure:
        secure.files["far"] = (server.address + "/image").encode()
        error = refused(tmp_path, secure.address + "/far")
    assert "redirects from https to 'http'" in error.cause
    assert server.requests == []


def test_a_login_is_for_one_server(certificate: Path, tmp_path: Path) -> None:
    with serving(certificate) as own, serving(certificate) as other:
        own.files["far"] = (other.address + "/image").encode()
        login = Login(origin(own.address), "joe", "canary")
        assert "canary" not in repr(login)
        fetch(tmp_path, own.address + "/far", Transfer((other.address + "/404",), login))
    assert own.header("authorization") == ["Basic am9lOmNhbmFyeQ=="]
    assert other.header("authorization") == ["", ""]
    assert arrived(tmp_path)


def test_a_proxy_of_the_environment(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.address)
    server.files["http://image.invalid/image"] = BODY
    fetch(tmp_path, "http://image.invalid/image")
    assert arrived(tmp_path)


# Killed while the first half comes, or while the run that goes on reads the rest.
@pytest.mark.parametrize("kills", [1, 2])
def test_killed(server: Server, tmp_path: Path, kills: int) -> None:
    program = (
        "import sys\n"
        f"from {Download.__module__} import Download\n"
        f"from {Transfer.__module__} import Transfer\n"
        f"Download('x', sys.argv[1], sys.argv[2], ()).fetch(sys.argv[3], Transfer())\n"
    )
    here = [str(tmp_path / "incoming"), str(tmp_path / "image"), server.address + "/slow"]
    for dummy in range(kills):
        before = kept(tmp_path)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen([sys.executable, "-c", program, *here], env=environment)
        end = time.monotonic() + 30
        while kept(tmp_path) <= before and time.monotonic() < end:
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert kept(tmp_path) > before
        assert not (tmp_path / "image").exists()
    server.released.set()
    # Without a checksum it is known by its address; the server has the same file there.
    fetch(tmp_path, server.address + "/slow", checksum=None)
    assert arrived(tmp_path)
    assert [bool(asked) for asked in server.header("range")] == [False] + [True] * kills
