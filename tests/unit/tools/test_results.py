# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the suites' tests are counted: a sum that is wrong would be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

import pytest

from ansible_collections.burrow.vm.tools.ansible_test import targets_summary
from ansible_collections.burrow.vm.tools.results import Counts, from_junit, from_output, outcome

if TYPE_CHECKING:
    from pathlib import Path

JUNIT = """<testsuites><testsuite tests="5">
<testcase name="good"/>
<testcase name="told"><system-out>words</system-out></testcase>
<testcase name="bad"><failure message="no"/></testcase>
<testcase name="broken"><error message="no"/></testcase>
<testcase name="elsewhere"><skipped/></testcase>
</testsuite></testsuites>"""


def test_junit_counts_what_ran(tmp_path: Path) -> None:
    (tmp_path / "one.xml").write_text(JUNIT)
    (tmp_path / "two.xml").write_text(JUNIT)
    assert from_junit(tmp_path.glob("*.xml")) == Counts(4, 4)


@pytest.mark.parametrize(
    ("lines", "counts"),
    [
        (["ok\n", "3 passed, 1 failed\n"], Counts(3, 1)),
        (["3 passed, 1 failed\n", "one more word\n"], Counts(3, 1)),
        (["=== 3 passed, 1 failed in 0.1s ===\n"], None),
        ([], None),
    ],
)
def test_output_counts_by_its_closing_line(lines: list[str], counts: Optional[Counts]) -> None:
    assert from_output(lines) == counts


@pytest.mark.parametrize(
    ("code", "lines", "counts"),
    [
        (0, [], Counts(1, 0)),
        (1, [], Counts(0, 1)),
        (0, ["2 passed, 0 failed"], Counts(2, 0)),
        # an exit code that contradicts the count is believed
        (1, ["2 passed, 0 failed"], Counts(2, 1)),
        (1, ["2 passed, 2 failed"], Counts(2, 2)),
        (-9, ["0 passed, 0 failed"], Counts(0, 1)),
    ],
)
def test_a_suite_that_failed_never_counts_as_passed(code: int, lines: list[str], counts: Counts) -> None:
    assert outcome(code, [], lines) == counts


def test_integration_targets_are_counted_by_name() -> None:
    lines = [
        "Running disk integration test role\n",
        "Running image integration test role\n",
        "FATAL: The 1 integration test(s) listed below (out of 2) failed. See error output above for details:\n",
        "image\n",
    ]
    assert targets_summary(lines) == "1 passed, 1 failed"
    assert targets_summary(lines[:2]) == "2 passed, 0 failed"
