# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a suite's tests amount to: from the JUnit files it wrote, else from its last words, else from its exit code."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed$")
# automake's convention for a test that can't run on this machine
NOT_RUN = 77
# how much of a failure is told again at the end
LINES = 40
LINE = 2000


@dataclass(frozen=True)
class Counts:
    """Tests that passed and tests that failed."""

    passed: int = 0
    failed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


def from_junit(files: Iterable[Path]) -> Counts:
    """Sum up JUnit files; a skipped test is neither passed nor failed."""
    total = Counts()
    for file in files:
        for case in ET.parse(file).iter("testcase"):
            outcomes = {child.tag for child in case}
            if outcomes & {"failure", "error"}:
                total += Counts(failed=1)
            elif "skipped" not in outcomes:
                total += Counts(passed=1)
    return total


def failures(files: Iterable[Path]) -> Iterator[str]:
    """Tell each failed test of JUnit files, with the last lines of why."""
    for file in files:
        for case in ET.parse(file).iter("testcase"):
            for child in case:
                if child.tag in {"failure", "error"}:
                    name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
                    reason = last((child.text or child.get("message") or "").strip().splitlines())
                    yield "\n".join([name, *(f"    {line}" for line in reason)])


def last(lines: Sequence[str]) -> Sequence[str]:
    """Keep what a reader needs of a long output; a line that is a whole result says enough in its beginning."""
    return [line.rstrip()[:LINE] for line in lines[-LINES:]]


def from_output(lines: Sequence[str]) -> Optional[Counts]:
    """Find the counts in the last line that holds some."""
    for line in reversed(lines):
        found = SUMMARY.match(line.strip())
        if found:
            return Counts(int(found[1]), int(found[2]))
    return None


def outcome(code: int, junit: Iterable[Path], last_lines: Sequence[str]) -> Counts:
    """Count a suite's tests; one that counts nothing is one test, and one that failed never counts as passed."""
    counts = from_junit(junit) + (from_output(last_lines) or Counts())
    if code != 0 and counts.failed == 0:
        return counts + Counts(failed=1)
    if counts == Counts():
        return Counts(passed=1)
    return counts
