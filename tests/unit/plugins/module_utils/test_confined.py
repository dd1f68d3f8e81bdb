# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A confined program can do little: real programs that try to do more."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import confined
from ansible_collections.burrow.vm.plugins.module_utils._gateway.confined import Limits

GENEROUS = Limits(30)


def run(*arguments: str, limits: Limits = GENEROUS, descriptors: tuple[int, ...] = ()) -> str:
    return confined.run(
        arguments, operation="look", obj="it", limits=limits, descriptors=descriptors, accepted=(0, 3)
    ).decode()


def failure(*arguments: str, limits: Limits = GENEROUS) -> HostError:
    with pytest.raises(HostError) as caught:
        run(*arguments, limits=limits)
    return caught.value


def test_it_answers_and_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://joe:canary@proxy")
    assert run("sh", "-c", "echo hello; exit 3") == "hello\n"
    assert "canary" not in run("env")
    assert run("pwd") == "/\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_is_nobody(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    secret.chmod(0o600)
    assert run("id", "-un") == "nobody\n"
    assert run("id", "-Gn") in ("nogroup\n", "nobody\n")
    assert "Permission denied" in str(failure("cat", str(secret)))


def test_it_reads_what_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(0o700)
    path = tmp_path / "closed/it"
    path.write_text("content")
    path.chmod(0o444)
    with open(path, encoding="ascii") as stream:
        number = stream.fileno()
        assert run("cat", f"/proc/self/fd/{number}", descriptors=(number,)) == "content"
        assert "No such file" in str(failure("cat", f"/proc/self/fd/{number}"))


@pytest.mark.parametrize(
    ("limits", "arguments", "says"),
    [
        (Limits(1), ("sleep", "30"), "more than 1 s"),
        (Limits(1), ("sh", "-c", "while :; do :; done"), "more than 1 s"),
        (Limits(1), ("sh", "-c", "sleep 30 & sleep 30"), "more than 1 s"),
        (Limits(20), ("cat", "/dev/zero"), "more output"),
        (Limits(20), ("sh", "-c", "cat /dev/zero >&2"), "more output"),
        (Limits(20, memory=1 << 26), ("sh", "-c", "echo Cannot allocate memory >&2; exit 1"), "64 MiB of memory"),
        (Limits(20, memory=1 << 26), ("sh", "-c", "echo GLib: failed to allocate >&2; kill -6 $$"), "64 MiB of memory"),
    ],
)
def test_it_ends_at_its_limits(limits: Limits, arguments: tuple[str, ...], says: str) -> None:
    start = time.monotonic()
    error = failure(*arguments, limits=limits)
    assert (error.code, says in str(error)) == ("limits", True)
    assert time.monotonic() - start < 10


def test_it_writes_no_more_than_it_may(tmp_path: Path) -> None:
    path = tmp_path / "target"
    with path.open("wb") as stream:
        path.chmod(0o666)
        number = stream.fileno()
        write = ("dd", "if=/dev/zero", f"of=/proc/self/fd/{number}", "bs=64K", "count=4", "status=none")
        run(*write, limits=Limits(20, written=1 << 18), descriptors=(number,))
        with pytest.raises(HostError) as caught:
            run(*write, limits=Limits(20, written=1 << 17), descriptors=(number,))
    assert caught.value.code == "limits"
    assert "more than 131072 bytes" in str(caught.value)


def test_it_has_little_memory() -> None:
    hog = ("dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=1", "status=none")
    run(*hog)
    assert "memory exhausted" in str(failure(*hog, limits=Limits(20, memory=1 << 27)))


def test_a_missing_program_is_named() -> None:
    error = failure("no-such-program")
    assert error.code == "missing_program"


@pytest.mark.parametrize(("table", "user"), [("0 0 4294967295", True), ("0 1000 1", False)])
def test_a_user_that_is_not_mapped_is_none(table: str, user: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _outside, count = map(int, table.split())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(confined, "_mapped", lambda kind, number: first <= number < first + count)
    assert (confined.unprivileged() is not None) is user


def test_who_is_not_root_stays_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert confined.unprivileged() is None
