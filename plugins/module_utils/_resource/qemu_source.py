# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where apt takes QEMU from: observed, planned for, changed, shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from .._diff import LIVE, Change
from .._gateway import backports as gateway
from .._gateway import system
from .._model import backports
from .._plan import Action, Plan


@dataclass(frozen=True)
class State:
    """have are our files as they are, wanted as they have to be; both by path."""

    have: Mapping[str, bytes] = field(default_factory=dict)
    wanted: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class QemuSource:
    origin: str

    @property
    def lock(self) -> Optional[str]:
        return None

    def observe(self) -> State:
        wanted: Mapping[str, bytes] = {}
        if self.origin == backports.BACKPORTS:
            host = system.system()
            name = f"{host.id}-{host.version}"
            # Before apt is asked for its mirror: a host may have no apt at all.
            backports.suite_of(name)
            wanted = backports.files(name, gateway.mirror(name))
        return State(gateway.have(), wanted)

    def plan(self, state: State) -> Plan:
        return plan(state)

    def perform(self, action: Action) -> None:
        getattr(gateway, action.operation)(**action.arguments)

    def result(self, state: State, plan: Plan, planned: bool) -> dict[str, object]:  # noqa: ARG002
        found = state.wanted if planned else state.have
        return {"origin": self.origin, "files": sorted(found)}


def plan(state: State) -> Plan:
    """Write what differs, remove what isn't wanted: pure."""
    actions, found = [], []
    for path, content in state.wanted.items():
        if state.have.get(path) != content:
            actions.append(Action("write", f"write {path}", {"path": path, "content": content}))
            found.append(Change(path, _text(state.have.get(path)), _text(content), LIVE))
    for path in state.have:
        if path not in state.wanted:
            actions.append(Action("remove", f"remove {path}", {"path": path}))
            found.append(Change(path, _text(state.have[path]), None, LIVE))
    return Plan(tuple(actions), tuple(found))


def _text(content: Optional[bytes]) -> Optional[str]:
    return None if content is None else content.decode("utf-8", "replace")


def build(params: Mapping[str, Any]) -> QemuSource:
    return QemuSource(params["origin"])
