# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries a plan out, once, in order."""

from __future__ import annotations

from typing import Generic, Optional, Protocol, TypeVar

from ._errors import BurrowError
from ._plan import Action, Plan

State = TypeVar("State")


class Resource(Protocol, Generic[State]):
    """Something that can be made true. observe and plan never change anything.

    lock is the file whose lock a run holds from observing to the end, or None.
    """

    @property
    def lock(self) -> Optional[str]: ...

    def observe(self) -> State: ...

    def plan(self, state: State) -> Plan: ...

    def perform(self, action: Action) -> None: ...

    def result(self, state: State, plan: Plan, planned: bool) -> object:
        """What is returned under the noun. planned: nothing was applied (check mode)."""


def apply(plan: Plan, resource: Resource[State]) -> None:
    """Perform each action. An error says what had been done before it."""
    done: list[str] = []
    for action in plan.actions:
        try:
            resource.perform(action)
        except BurrowError as error:
            if done:
                error.args = (f"{error} (done before: {'; '.join(done)})",)
            raise
        done.append(action.summary)
