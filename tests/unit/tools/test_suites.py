# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner: goes on after a failure, says what did not run, ends with the sum."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from ansible_collections.burrow.vm.tools import suites
from ansible_collections.burrow.vm.tools.suites import Suite

if TYPE_CHECKING:
    from pathlib import Path

GOOD = Suite("good", "lint", ("sh", "-c", "echo fine"))
BAD = Suite("bad", "lint", ("sh", "-c", "echo broken; exit 3"))
COUNTED = Suite("counted", "suites", ("sh", "-c", "echo '4 passed, 1 failed'"))
ELSEWHERE = Suite("elsewhere", "suites", ("sh", "-c", "echo no libvirt; exit 77"))
ABSENT = Suite("absent one", "suites", ("false",), absent="no Python 3.9")


@pytest.fixture(autouse=True)
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(suites, "OUTPUT", tmp_path)
    monkeypatch.setattr(suites, "CHECKOUT", tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, directory: Path, *items: Suite) -> int:
    placed = [Suite(**{**item.__dict__, "directory": directory}) for item in items]
    monkeypatch.setattr(suites, "all_suites", lambda: placed)
    return suites.main([])


def test_all_run_and_the_last_line_is_the_sum(
    monkeypatch: pytest.MonkeyPatch, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run(monkeypatch, output, BAD, GOOD, COUNTED, ELSEWHERE, ABSENT)
    lines = capfd.readouterr().out.splitlines()
    assert code == 1
    assert lines[-1] == "5 passed, 2 failed"
    assert "    elsewhere: not run here: no libvirt" in lines
    assert "    absent one: not run here: no Python 3.9" in lines
    assert (output / "log/bad.log").read_text() == "broken\n"
    assert (output / "summary").read_text() == "5 passed, 2 failed\n"


def test_the_output_of_a_whole_run_is_its_failures_alone(
    monkeypatch: pytest.MonkeyPatch, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    junit = """<testsuite><testcase classname="tests.test_a" name="test_b"><failure message="m">one\ntwo</failure>
    </testcase><testcase name="test_c"/></testsuite>"""
    tested = Suite("tested", "suites", ("sh", "-c", f"echo loud; echo '{junit}' >$BURROW_JUNIT_DIR/a.xml; exit 1"))
    run(monkeypatch, output, GOOD, BAD, tested)
    lines = capfd.readouterr().out.splitlines()
    assert "fine" not in lines
    assert "loud" not in lines
    at = lines.index(f"==> tested FAILED, the whole output is in {output / 'log/tested.log'}")
    assert lines[at + 1 : at + 4] == ["tests.test_a::test_b", "    one", "    two"]
    at = lines.index(f"==> bad FAILED, the whole output is in {output / 'log/bad.log'}")
    assert lines[at + 1] == "broken"


def test_a_suite_that_is_named_is_heard(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    placed = [Suite(**{**GOOD.__dict__, "directory": "/"}), Suite(**{**BAD.__dict__, "directory": "/"})]
    monkeypatch.setattr(suites, "all_suites", lambda: placed)
    suites.main(["good"])
    assert "fine" in capfd.readouterr().out.splitlines()


def test_success_is_exit_code_0(monkeypatch: pytest.MonkeyPatch, output: Path) -> None:
    assert run(monkeypatch, output, GOOD, ELSEWHERE) == 0


def test_a_suite_that_hangs_is_ended_with_all_its_processes(monkeypatch: pytest.MonkeyPatch, output: Path) -> None:
    hanging = Suite("hanging", "suites", ("sh", "-c", "sleep 60; sleep 60"), limit=1)
    started = time.monotonic()
    assert run(monkeypatch, output, hanging) == 1
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("path", [".ci/run", "tools/a.sh", "tests/suites/a", "extensions/molecule/any/a.sh"])
def test_every_place_of_shell_scripts_is_linted(output: Path, path: str) -> None:
    script = output / path
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n")
    assert suites.scripts() == [str(script)]


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "all_suites", lambda: [GOOD])
    with pytest.raises(SystemExit, match="No suite or group is named 'godo'"):
        suites.main(["godo"])


def test_what_needs_a_hypervisor_brings_its_preparation() -> None:
    items = [GOOD, Suite("prepare host", "prepare", ("true",)), COUNTED]
    assert [item.name for item in suites.selected(items, ["counted"])] == ["prepare host", "counted"]
    assert [item.name for item in suites.selected(items, ["lint"])] == ["good"]


def test_what_runs_on_request_runs_by_its_name_alone() -> None:
    items = [GOOD, Suite("so long", "lint", ("true",), on_request="it is long")]
    assert [item.absent for item in suites.selected(items, [])] == ["", "it is long"]
    assert [item.absent for item in suites.selected(items, ["lint"])] == ["", "it is long"]
    for name in ("so long", "so-long"):
        assert [item.absent for item in suites.selected(items, [name])] == [""]
