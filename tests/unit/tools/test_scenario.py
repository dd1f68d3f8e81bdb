# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken for an accident of the emulator: what libvirt told, and the scenario didn't do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.scenario import accidents, main

if TYPE_CHECKING:
    from pathlib import Path

RESET = "event 'reboot' for domain 'host'"
ABORT = "event 'lifecycle' for domain 'host': Stopped Failed"
HARMLESS = (
    "event 'reboot' for domain 'other'",
    "event 'lifecycle' for domain 'host': Stopped Destroyed",
    "event 'lifecycle' for domain 'host': Started Booted",
    "event 'agent-lifecycle' for domain 'host': state: 'disconnected' reason: 'channel event'",
)


def at(seconds: float, line: str) -> str:
    """As virsh writes it."""
    return f"1970-01-01 00:{int(seconds // 60):02}:{seconds % 60:06.3f}+0000: {line}\n"


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_none(line: str) -> None:
    assert accidents([at(10.0, line)], "host", ()) == []


def test_a_reset_and_an_abort() -> None:
    assert accidents([at(10.0, RESET), at(20.0, ABORT)], "host", ()) == ["reset", "abort"]


@pytest.mark.parametrize(
    ("when", "found"), [(99.5, []), (120.0, []), (200.5, []), (90.0, ["reset"]), (210.0, ["reset"])]
)
def test_a_reboot_that_the_scenario_makes_is_its_own(when: float, found: list[str]) -> None:
    assert accidents([at(when, RESET)], "host", (100.0, 200.0)) == found


def test_a_reboot_that_never_ended_explains_nothing() -> None:
    assert accidents([at(110.0, RESET)], "host", (100.0,)) == ["reset"]


VIRSH = f"""#!/bin/sh
echo "1970-01-01 00:01:50.000+0000: {RESET}"
exec sleep 30
"""
MOLECULE = """#!/bin/sh
echo run >>"$RUNS"
sleep 0.5
%s
exit 1
"""


@pytest.mark.parametrize(
    ("reboots", "code", "runs"), [("true", 77, 2), ('printf "100\n200\n" >>"$BURROW_REBOOTS"', 1, 1)]
)
def test_only_a_run_with_an_accident_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reboots: str, code: int, runs: int
) -> None:
    for name, text in {"virsh": VIRSH, "molecule": MOLECULE % reboots}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    assert main(["hypervisor", "host"]) == code
    assert (tmp_path / "runs").read_text().count("run") == runs
