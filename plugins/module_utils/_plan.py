# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What will be done: ordered actions, shown before they are carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ._diff import Change
from ._model import value

UNKNOWN = value.UNKNOWN


@dataclass(frozen=True)
class Action:
    """One step. operation is what the resource performs, summary the sentence people read."""

    operation: str
    summary: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The actions in their order, the changes they make, and facts and warnings for the result.

    facts are further top-level results (`restart_required`); they are not a change.
    """

    actions: tuple[Action, ...] = ()
    changes: tuple[Change, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.actions)

    def sentences(self) -> list[str]:
        return [action.summary for action in self.actions]

    def diff(self) -> dict[str, object]:
        """The changes in the shape that Ansible's diff mode shows."""
        return {
            "before": {change.path: change.before for change in self.changes if change.before is not None},
            "after": {change.path: change.after for change in self.changes if change.after is not None},
        }
