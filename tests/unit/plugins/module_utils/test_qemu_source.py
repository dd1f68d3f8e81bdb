# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where apt takes QEMU from: the files for it, and when they are written and removed."""

from __future__ import annotations

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import backports as gateway
from ansible_collections.burrow.vm.plugins.module_utils._gateway import system
from ansible_collections.burrow.vm.plugins.module_utils._model.apt import Source, parse_deb822
from ansible_collections.burrow.vm.plugins.module_utils._model.backports import FILES, PIN_FILE, SOURCE_FILE, files
from ansible_collections.burrow.vm.plugins.module_utils._model.preflight import System
from ansible_collections.burrow.vm.plugins.module_utils._resource.qemu_source import QemuSource, State, plan

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ARMOURED = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF\n-----END PGP PUBLIC KEY BLOCK-----"
MIRROR = Source("http://m/debian", "bookworm", ("main",), KEYRING)
WANTED = files("debian-12", MIRROR)


@pytest.mark.parametrize("keyring", [KEYRING, ARMOURED])
def test_the_source_is_the_hosts_own_mirror(keyring: str) -> None:
    written = files("debian-12", Source("http://m/debian", "bookworm", ("main",), keyring))
    (source,) = parse_deb822(written[SOURCE_FILE].decode())
    assert (source.uri, source.suite, source.components) == ("http://m/debian", "bookworm-backports", ("main",))
    assert source.keyring.strip() == keyring


def test_only_qemu_and_its_firmware_are_pinned() -> None:
    lines = WANTED[PIN_FILE].decode().splitlines()
    assert "Package: src:qemu src:seabios" in lines
    assert "Pin: release n=bookworm-backports" in lines


def test_a_login_is_not_written_for_all_to_read() -> None:
    with pytest.raises(SpecError, match="holds a login") as caught:
        files("debian-13", Source("http://m/debian", "trixie", ("main",), KEYRING, ("joe", "canary")))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("release", ["ubuntu-24.04", "debian-11", "fedora-42"])
def test_releases_without_are_refused_by_name(release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, version = release.split("-")
    host = System(name, version, name, "systemd", "x86_64", 2, 0, 0)
    monkeypatch.setattr(system, "system", lambda: host)
    with pytest.raises(SpecError, match=release):
        QemuSource("backports").observe()


def test_what_is_there_is_left_alone() -> None:
    assert not plan(State(WANTED, WANTED)).changed
    assert not plan(State()).changed


def test_what_differs_is_written() -> None:
    found = plan(State({**WANTED, PIN_FILE: b"Package: *\n"}, WANTED))
    assert found.sentences() == [f"write {PIN_FILE}"]


def test_what_is_not_wanted_is_removed() -> None:
    found = plan(State(WANTED, {}))
    assert sorted(found.sentences()) == sorted(f"remove {path}" for path in FILES)
    assert {action.operation for action in found.actions} == {"remove"}
    assert all(hasattr(gateway, action.operation) for action in found.actions)
