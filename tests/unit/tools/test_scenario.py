# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken for an accident of the emulator: what libvirt told, and the scenario didn't do."""

from __future__ import annotations

import pytest

from tools.scenario import accidents

RESET = "event 'reboot' for domain 'host'\n"
ABORT = "event 'lifecycle' for domain 'host': Stopped Failed\n"
HARMLESS = (
    "event 'reboot' for domain 'other'\n",
    "event 'lifecycle' for domain 'host': Stopped Destroyed\n",
    "event 'lifecycle' for domain 'host': Started Booted\n",
    "event 'agent-lifecycle' for domain 'host': state: 'disconnected' reason: 'channel event'\n",
)


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_none(line: str) -> None:
    assert accidents([(10.0, line)], "host", ()) == []


def test_a_reset_and_an_abort() -> None:
    assert accidents([(10.0, RESET), (20.0, ABORT)], "host", ()) == ["reset", "abort"]


@pytest.mark.parametrize(
    ("when", "found"), [(99.5, []), (120.0, []), (200.5, []), (90.0, ["reset"]), (210.0, ["reset"])]
)
def test_a_reboot_that_the_scenario_makes_is_its_own(when: float, found: list[str]) -> None:
    assert accidents([(when, RESET)], "host", (100.0, 200.0)) == found


def test_a_reboot_that_never_ended_explains_nothing() -> None:
    assert accidents([(110.0, RESET)], "host", (100.0,)) == ["reset"]
