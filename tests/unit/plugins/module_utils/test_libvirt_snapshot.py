# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that a libvirtd began which then ended: what the next one knows of them."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._gateway import libvirt_snapshot
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt import LibvirtError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_snapshot import Snapshots

libvirt = pytest.importorskip("libvirt")

READY = "<mirror job='active-commit' ready='yes'/>"
PIVOT = 2


def lost() -> Exception:
    """libvirt's error where the connection ended."""
    error: Exception = libvirt.libvirtError("End of file while reading data")
    error.get_error_domain = lambda: 7  # type: ignore[attr-defined]
    return error


class Guest:
    """A guest with a block job, perhaps, of which libvirt knows where it leads to, perhaps. crash: libvirtd ends at
    the end of a job that it doesn't know well."""

    def __init__(self, *, job: bool, mirror: str = "", crash: bool = False) -> None:
        self.job, self.mirror, self.crash = job, mirror, crash
        self.calls: list[str] = []

    def blockJobInfo(self, target: str) -> Optional[dict[str, int]]:  # noqa: N802 (libvirt's names)
        return {"cur": 1, "end": 1} if self.job else None

    def blockCommit(self, target: str, *given: Any) -> None:  # noqa: N802
        self.calls.append("commit")
        self.job, self.mirror = True, READY

    def blockJobAbort(self, target: str, flags: int = 0) -> None:  # noqa: N802
        self.calls.append("pivot" if flags & PIVOT else "abort")
        self.job = False
        if self.crash:
            raise lost()

    def XMLDesc(self, flags: int) -> str:  # noqa: N802
        return f"<domain><devices><disk><target dev='vda'/>{self.mirror}</disk></devices></domain>"


@pytest.mark.parametrize(
    ("guest", "calls"),
    [
        (Guest(job=False), ["commit", "pivot"]),
        (Guest(job=True, mirror=READY), ["pivot"]),
        (Guest(job=True), ["abort", "commit", "pivot"]),
        (Guest(job=True, crash=True), ["abort", "regained", "commit", "pivot"]),
    ],
    ids=["none", "one that is known", "one that isn't", "one that ends libvirtd"],
)
def test_a_job_that_is_there_is_waited_for_or_begun_anew(
    monkeypatch: pytest.MonkeyPatch, guest: Guest, calls: list[str]
) -> None:
    connection = Snapshots("test:///default")

    def regain(timeout: float) -> None:
        guest.crash = False
        guest.calls.append("regained")

    monkeypatch.setattr(libvirt_snapshot, "_POLL", 0)
    monkeypatch.setattr(connection, "find_domain", lambda dummy: guest)
    monkeypatch.setattr(connection, "regain", regain)
    connection.commit("work", "vda", base="/x/a", top="/x/b", active=True, timeout=1)
    assert guest.calls == calls


class Paused:
    def __init__(self, state: int, reason: int, job: int) -> None:
        self.numbers, self.job = (state, reason), job

    def state(self) -> tuple[int, int]:
        return self.numbers

    def jobInfo(self) -> list[int]:  # noqa: N802
        return [self.job, 0]


@pytest.mark.parametrize(
    ("handle", "expected"),
    [
        (Paused(3, 3, 0), True),
        (Paused(3, 9, 0), True),
        # by its user; for a save that goes on; not at all
        (Paused(3, 1, 0), False),
        (Paused(3, 3, 2), False),
        (Paused(1, 1, 0), False),
        (None, False),
    ],
)
def test_who_paused_a_guest(monkeypatch: pytest.MonkeyPatch, handle: Optional[Paused], expected: bool) -> None:
    connection = Snapshots("test:///default")
    monkeypatch.setattr(connection, "find_domain", lambda dummy: handle)
    assert connection.interrupted("work") is expected


def test_a_libvirtd_that_is_started_again_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Snapshots("test:///default")
    answers = iter([False, False, True])

    def open_again() -> object:
        if not next(answers):
            raise LibvirtError("connect", "x", "refused", 38)
        return "handle"

    monkeypatch.setattr("ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt._POLL", 0)
    monkeypatch.setattr(connection, "_open", open_again)
    connection.regain(10)
    assert connection.handle == "handle"
