# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build takes from its host's apt, and what of that gets into the image."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import bootstrap
from ansible_collections.burrow.vm.plugins.module_utils._model.apt import Source
from ansible_collections.burrow.vm.plugins.module_utils._model.release import ARCHITECTURES, RELEASES, Release

AMD64 = ARCHITECTURES["x86_64"]
BOOKWORM, TRIXIE = RELEASES["debian-12"], RELEASES["debian-13"]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ARMOURED = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF\n-----END PGP PUBLIC KEY BLOCK-----"
DUMP = """\
APT::Architecture "amd64";
Acquire::http::Proxy "http://joe:canary@proxy.example:3128";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
DPkg::Post-Invoke:: "rm -f /x";
"""
TARGETS = """\
http://joe:canary@m/debian/ bookworm Debian
https://third.example/apt stable Third Party
"""

PROGRAMS = {"apt-config": DUMP, "apt-get": TARGETS}
HOST_SOURCES = """\
deb https://third.example/apt stable main
deb http://joe:canary@m/debian bookworm main
"""


@pytest.fixture
def place(tmp_path: Path) -> bootstrap.Bootstrap:
    return bootstrap.Bootstrap(str(tmp_path))


@pytest.fixture(autouse=True)
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An apt-config and an apt-get that say what we know, and sources of our own."""
    (tmp_path / "bin").mkdir()
    for name, answer in PROGRAMS.items():
        (tmp_path / f"bin/{name}.txt").write_text(answer)
        program = tmp_path / f"bin/{name}"
        program.write_text('#!/bin/sh\ncat "$0.txt"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    (tmp_path / "host.list").write_text(HOST_SOURCES)
    monkeypatch.setattr(bootstrap, "_LISTS", (f"{tmp_path}/*.list",))
    monkeypatch.setattr(bootstrap, "_DEB822", (f"{tmp_path}/*.sources",))


def test_the_hosts_mirror_is_found_among_its_sources() -> None:
    (source,) = bootstrap.host_mirror(TRIXIE)
    assert (source.uri, source.suite, source.login) == ("http://m/debian", "trixie", ("joe", "canary"))


def test_no_mirror_has_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "host.list").write_text("")
    with pytest.raises(HostError) as caught:
        bootstrap.host_mirror(TRIXIE)
    assert caught.value.code == "no_mirror"
    assert "state `url` or `path`" in caught.value.hint


def test_a_mirror_list_is_read(tmp_path: Path) -> None:
    (tmp_path / "mirrors").write_text("https://a.example/debian\n")
    (tmp_path / "host.list").write_text(f"deb mirror+file:{tmp_path}/mirrors bookworm main\n")
    assert [source.uri for source in bootstrap.host_mirror(TRIXIE)] == ["https://a.example/debian"]


def test_apt_reaches_the_mirror_as_on_the_host(place: bootstrap.Bootstrap) -> None:
    text = bootstrap._apt_configuration(place, bootstrap.host_mirror(TRIXIE))
    assert text.splitlines() == [
        'Acquire::http::Proxy "http://joe:canary@proxy.example:3128";',
        'Acquire::Check-Valid-Until "false";',
        f'Dir::Etc::netrcparts "{place.path("auth.d")}";',
    ]
    login = Path(place.path("auth.d"), "source-0.conf")
    assert login.read_text() == "machine http://m/debian login joe password canary\n"
    assert login.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("release", "path", "text"),
    [
        (BOOKWORM, "etc/apt/sources.list", f"deb [signed-by={KEYRING}] http://m/debian x main\n"),
        (
            TRIXIE,
            "etc/apt/sources.list.d/debian.sources",
            f"Types: deb\nURIs: http://m/debian\nSuites: x\nComponents: main\nSigned-By: {KEYRING}\n",
        ),
    ],
)
def test_the_images_sources(place: bootstrap.Bootstrap, release: Release, path: str, text: str) -> None:
    source = Source("http://m/debian", "x", ("main",), KEYRING)
    assert bootstrap.guest_sources(place, release, AMD64, [source]) == {path: text.encode()}


def test_a_login_stays_on_the_host(place: bootstrap.Bootstrap) -> None:
    written = bootstrap.guest_sources(place, TRIXIE, AMD64, bootstrap.host_mirror(TRIXIE))
    assert b"canary" not in b"".join(written.values())
    assert b"http://deb.debian.org/debian" in written["etc/apt/sources.list.d/debian.sources"]


@pytest.mark.parametrize("kind", ["file", "written out"])
def test_a_mirrors_own_key_goes_along(place: bootstrap.Bootstrap, tmp_path: Path, kind: str) -> None:
    (tmp_path / "company.asc").write_text(f"{ARMOURED}\n")
    keyring = str(tmp_path / "company.asc") if kind == "file" else ARMOURED
    source = Source("http://m/debian", "trixie", ("main",), keyring)
    written = bootstrap.guest_sources(place, TRIXIE, AMD64, [source])
    assert written["etc/apt/keyrings/burrow-mirror.asc"].decode() == f"{ARMOURED}\n"
    assert b"Signed-By: /etc/apt/keyrings/burrow-mirror.asc" in written["etc/apt/sources.list.d/debian.sources"]
