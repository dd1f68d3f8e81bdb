# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between what is stated and what is observed, each with its impact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LIVE = "live"
RESTART = "restart"
RECREATE = "recreate"
IMPACTS = (LIVE, RESTART, RECREATE)


@dataclass(frozen=True)
class Change:
    """One field that differs. path is the option's path, impact one of IMPACTS, why the reason of an impact."""

    path: str
    before: object
    after: object
    impact: str = LIVE
    why: str = ""

    def sentence(self) -> str:
        """The change in words, as it stands in `actions`."""
        if self.before is None:
            return f"set {self.path} to {self.after}"
        if self.after is None:
            return f"remove {self.path} ({self.before})"
        return f"change {self.path} from {self.before} to {self.after}"


def changes(
    desired: Mapping[str, object], observed: Mapping[str, object], impacts: Mapping[str, str]
) -> tuple[Change, ...]:
    """Compare the stated fields of desired (None is unstated) with observed.

    impacts names the impact of each field; a field it lacks is live.
    """
    found = []
    for path, after in desired.items():
        if after is None:
            continue
        before = observed.get(path)
        if before != after:
            found.append(Change(path, before, after, impacts.get(path, LIVE)))
    return tuple(found)
