# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt network: observed, changed, shown."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any, Optional

from .._diff import RESTART
from .._errors import HostError
from .._gateway.libvirt_network import NetworkState
from .._gateway.libvirt_network_edit import NetworkEditor
from .._gateway.routes import interfaces, routes
from .._model.network import Network, Request, parse_request
from .._model.network_merge import OWN_BRIDGE, view
from .._model.paths import Store
from .._plan import UNKNOWN, Action, Plan
from .._xml import network as xml
from .._xml.network_live import both, updates
from .network_plan import State, addresses, differences, plan, target


class NetworkResource:
    """One network, as a task asks for it."""

    def __init__(self, request: Request, connection: NetworkEditor) -> None:
        self.request = request
        self.connection = connection
        # What the network was, for when it doesn't start as what it is to be; nothing for a new one.
        self._former: Optional[NetworkState] = None
        self._new = False

    @property
    def lock(self) -> Optional[str]:
        # One for all: two networks that are made at once would choose the same subnet.
        return Store(self.request.data).lock("network", "all")

    def observe(self) -> State:
        found = self.connection.network(self.request.name)
        if found is None:
            return self._with_neighbours(State()) if self.request.state == "present" else State()
        state = State(
            found=found,
            network=dataclasses.replace(xml.read(found.xml), autostart=found.autostart),
            live=None if found.live_xml is None else xml.read(found.live_xml),
            owned=xml.owned(found.xml),
            addresses=xml.addresses(found.xml),
        )
        if self.request.state == "absent":
            return self._with_guests(state)
        if self._needs_subnet(state) or not state.active:
            state = self._with_neighbours(state)
        if any(change.impact == RESTART for change in differences(self.request, state)):
            state = self._with_guests(self._with_neighbours(state))
        return state

    def _needs_subnet(self, state: State) -> bool:
        """Whether it is to have a bridge of its own, and has none."""
        return state.network.mode not in OWN_BRIDGE and self.request.stated.mode in OWN_BRIDGE

    def _with_neighbours(self, state: State) -> State:
        """What else has subnets and bridges."""
        own = None if state.found is None or state.network.mode not in OWN_BRIDGE else state.found.bridge
        here = self.connection.here
        routed = {subnet: device for subnet, device in routes().items() if device != own} if here else {}
        taken = {subnet: f"interface {device}" for subnet, device in routed.items()}
        bridges = {}
        for other in self.connection.networks():
            if other.name != self.request.name:
                taken.update(dict.fromkeys(xml.subnets(other.xml), f"network {other.name}"))
                if other.bridge is not None:
                    bridges[other.bridge] = f"network {other.name}"
        return dataclasses.replace(
            state, taken=taken, routes=routed, bridges=bridges, interfaces=interfaces() if here else None
        )

    def _with_guests(self, state: State) -> State:
        name, bridge = self.request.name, None
        if state.found is not None and state.network.mode in OWN_BRIDGE:
            bridge = state.found.bridge
        guests = self.connection.guests()
        running = {guest.name for guest in guests if guest.live_xml and xml.uses(guest.live_xml, name, bridge)}
        cut = running if state.active else set()
        defined = {guest.name for guest in guests if xml.uses(guest.xml, name, bridge)} | running
        return dataclasses.replace(state, guests=tuple(sorted(cut)), defined=tuple(sorted(defined - cut)))

    def plan(self, state: State) -> Plan:
        return plan(self.request, state)

    def perform(self, action: Action) -> None:
        getattr(self, f"_do_{action.operation}")(**action.arguments)

    def _do_create(self, network: Network) -> None:
        now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
        self.connection.define_network(self.request.name, xml.build(self.request.name, network, now))
        self._new = True
        # At once: autostart is no part of the definition, and a run that ends in between would lose it.
        self.connection.set_network_autostart(self.request.name, bool(network.autostart))

    def _do_define(self, network: Network) -> None:
        found = self.connection.network(self.request.name)
        if found is not None:
            self.connection.define_network(self.request.name, xml.edit(found.xml, network))
            self._former = self._former or found

    def _do_update(self, config: Network, live: Network) -> None:
        found = self.connection.network(self.request.name)
        if found is None:
            return
        written = updates(found.xml, xml.edit(found.xml, config))
        now = updates(found.live_xml, xml.edit(found.live_xml, live)) if found.live_xml is not None else ()
        with contextlib.ExitStack() as undo:
            for update, in_config, in_live in both(written, now):
                self.connection.update_network(self.request.name, update, config=in_config, live=in_live)
                undo.callback(self._undo, update.undone(), config=in_config, live=in_live)
            undo.pop_all()

    def _undo(self, update: Any, *, config: bool, live: bool) -> None:
        """After a failure, which is what is reported."""
        with contextlib.suppress(HostError):
            self.connection.update_network(self.request.name, update, config=config, live=live)

    def _do_start(self) -> None:
        try:
            self.connection.start_network(self.request.name)
        except HostError as error:
            self._put_back()
            if self._former is not None:
                error.args = (f"{error} (the network is put back to what it was)",)
            raise

    def _put_back(self) -> None:
        with contextlib.suppress(HostError):
            if self._new:
                self.connection.undefine_network(self.request.name)
            elif self._former is not None:
                self.connection.define_network(self.request.name, self._former.xml)
                if self._former.active:
                    self.connection.start_network(self.request.name)

    def _do_stop(self) -> None:
        self.connection.stop_network(self.request.name)

    def _do_undefine(self) -> None:
        self.connection.undefine_network(self.request.name)

    def _do_autostart(self, wanted: bool) -> None:
        self.connection.set_network_autostart(self.request.name, wanted)

    def result(self, state: State, plan: Plan, planned: bool) -> dict[str, object]:
        name = self.request.name
        if self.request.state == "absent" and (planned or state.found is None):
            return {"name": name, "state": "absent"}
        changed = planned and plan.changed
        network = target(self.request, state) if changed else state.network
        found = state.found
        own = addresses(state, network)
        bridge = network.bridge if changed or found is None else found.bridge
        return {
            "name": name,
            "state": "present",
            "uuid": UNKNOWN if found is None else found.uuid,
            **view(network),
            "address": own["subnet"],
            "address6": own["subnet6"],
            "bridge": bridge or (UNKNOWN if network.mode in OWN_BRIDGE else None),
            "active": changed or (found is not None and found.active),
            "owned": state.owned or found is None,
        }


def build(params: Mapping[str, Any]) -> NetworkResource:
    request = parse_request(params)
    return NetworkResource(request, NetworkEditor(request.uri))
