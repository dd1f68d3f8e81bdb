# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is of domains: nothing is changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .._gateway.addresses import find_addresses
from .._gateway.libvirt import Connection, DomainState
from .._model import value
from .._model.arguments import URI
from .._model.domain_merge import view
from .._model.names import parse_name
from .._plan import Action, Plan
from .._xml import domain as xml

# In this order: a lease is known to libvirt itself, the ARP table also knows guests without DHCP.
_SOURCES = ("lease", "arp")


@dataclass(frozen=True)
class DomainInfo:
    """The domains of a hypervisor, or the one of this name."""

    connection: Connection
    name: Optional[str] = None
    owned_only: bool = False

    @property
    def lock(self) -> Optional[str]:
        return None

    def observe(self) -> list[dict[str, object]]:
        if self.name is None:
            found = self.connection.domains()
        else:
            one = self.connection.domain(self.name)
            found = [] if one is None else [one]
        return [self._view(state) for state in found if not self.owned_only or xml.read(state.xml).owned]

    def plan(self, state: list[dict[str, object]]) -> Plan:  # noqa: ARG002
        return Plan()

    def perform(self, action: Action) -> None:
        raise AssertionError(f"domain_info never acts: {action}")

    def result(self, state: list[dict[str, object]], plan: Plan, planned: bool) -> object:  # noqa: ARG002
        return state

    def _view(self, state: DomainState) -> dict[str, object]:
        definition = dataclasses.replace(xml.read(state.xml), autostart=state.autostart)
        found = view(state.name, definition, state.state, state.uuid)
        return {**found, "addresses": self._addresses(state) if state.active else []}

    def _addresses(self, state: DomainState) -> list[str]:
        for source in _SOURCES:
            found = [
                address for some in find_addresses(self.connection, state.name, source).values() for address in some
            ]
            if found:
                return sorted(set(found))
        return []


def build(params: Mapping[str, Any]) -> DomainInfo:
    name = params.get("name")
    connection = Connection(value.text(params.get("uri") or URI, "uri"))
    return DomainInfo(connection, None if name is None else parse_name(name), bool(params.get("owned_only")))
