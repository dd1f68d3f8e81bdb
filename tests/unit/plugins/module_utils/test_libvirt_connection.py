# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to a libvirt: one per task, to one that is new enough."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError, SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt import Connection, failing


class RefusedError(Exception):
    domain = 7

    def get_error_code(self) -> int:
        return 38

    def get_error_domain(self) -> int:
        return self.domain

    def get_error_message(self) -> str:
        return "Failed to connect socket"


class Library:
    """libvirt-python, as far as a connection is opened with it."""

    libvirtError = RefusedError  # noqa: N815 (its own name)

    def __init__(self, version: int = 9_000_000) -> None:
        self.version = version
        self.opened: list[str] = []
        self.closed = 0

    def open(self, uri: str) -> Any:
        self.opened.append(uri)
        if "nowhere" in uri:
            raise RefusedError
        return SimpleNamespace(getLibVersion=lambda: self.version, close=self.close)

    def close(self) -> None:
        self.closed += 1

    def registerErrorHandler(self, handler: object, context: object) -> None:  # noqa: N802 (its own name)
        pass


def use(monkeypatch: pytest.MonkeyPatch, library: Library) -> Library:
    monkeypatch.setitem(sys.modules, "libvirt", library)
    return library


def test_it_is_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    library = use(monkeypatch, Library(8_000_000))
    connection = Connection("qemu+ssh://me@host/system")
    assert library.opened == []
    assert connection.handle is connection.handle
    assert library.opened == ["qemu+ssh://me@host/system?no_tty=1"]


@pytest.mark.parametrize(("version", "name"), [(7_010_000, "7.10.0"), (7_999_999, "7.999.999"), (6_000_002, "6.0.2")])
def test_an_old_libvirt_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, version: int, name: str) -> None:
    library = use(monkeypatch, Library(version))
    with pytest.raises(HostError) as refused:
        Connection("qemu:///system").version()
    assert refused.value.code == "old_libvirt"
    assert f"libvirt {name}, and 8.0.0 is the oldest" in str(refused.value)
    assert library.closed == 1


def test_one_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Library())
    with pytest.raises(HostError) as refused:
        Connection("qemu+ssh://nowhere/system").version()
    assert (refused.value.code, refused.value.path) == ("libvirt_unreachable", "qemu+ssh://nowhere/system")
    assert "`ssh nowhere true`" in refused.value.hint


def test_what_is_no_uri_is_refused_before_anything() -> None:
    with pytest.raises(SpecError) as refused:
        Connection("qemu:///sistem")
    assert refused.value.path == "uri"


@pytest.mark.parametrize(
    ("domain", "code", "words"),
    [(10, "libvirt", "Failed to connect socket. Do something"), (7, "libvirt_lost", "Run it again.")],
)
def test_a_libvirtd_that_ends_meanwhile_is_named(
    monkeypatch: pytest.MonkeyPatch, domain: int, code: str, words: str
) -> None:
    use(monkeypatch, Library())
    monkeypatch.setattr(RefusedError, "domain", domain)
    with pytest.raises(HostError) as caught, failing("define the domain", "work", "Do something"):
        raise RefusedError
    assert caught.value.code == code
    assert str(caught.value).endswith(words)
