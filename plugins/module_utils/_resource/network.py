# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt network: observed, planned for, changed, shown."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from .._diff import LIVE, RESTART, Change, changes
from .._errors import SpecError
from .._gateway.libvirt_network import Networks, NetworkState
from .._gateway.routes import routes
from .._model.network import (
    FIELDS,
    NEW,
    Network,
    Request,
    bridge_address,
    free_subnet,
    overlapping,
    parse_request,
)
from .._model.paths import Store
from .._plan import UNKNOWN, Action, Plan
from .._xml import devices
from .._xml import network as xml

_IMPACTS = {"autostart": LIVE, "mode": RESTART, "subnet": RESTART, "dhcp": RESTART}


@dataclass(frozen=True)
class State:
    """found is None when there is no such network. taken: subnet -> whose it is; guests: running ones that use it."""

    found: Optional[NetworkState] = None
    network: Network = field(default_factory=Network)
    owned: bool = False
    taken: Mapping[str, str] = field(default_factory=dict)
    guests: tuple[str, ...] = ()


class NetworkResource:
    """One network, as a task asks for it."""

    def __init__(self, request: Request, connection: Networks) -> None:
        self.request = request
        self.connection = connection

    @property
    def lock(self) -> Optional[str]:
        # One for all: two networks that are made at once would choose the same subnet.
        return Store(self.request.data).lock("network", "all")

    def observe(self) -> State:
        found = self.connection.network(self.request.name)
        if found is None:
            return State(taken=self._taken(None) if self.request.state == "present" else {})
        network = dataclasses.replace(xml.read(found.xml), autostart=found.autostart)
        disturbs = self.request.state == "absent" or _differs(self.request.stated, network)
        return State(
            found=found,
            network=network,
            owned=xml.owned(found.xml),
            taken=self._taken(found) if disturbs else {},
            guests=self._guests() if disturbs and found.active else (),
        )

    def _taken(self, own: Optional[NetworkState]) -> dict[str, str]:
        bridge = None if own is None else own.bridge
        found = {subnet: f"interface {device}" for subnet, device in routes().items() if device != bridge}
        for other in self.connection.networks():
            subnet = xml.read(other.xml).subnet
            if subnet is not None and other.name != self.request.name:
                found[subnet] = f"network {other.name}"
        return found

    def _guests(self) -> tuple[str, ...]:
        running = [state for state in self.connection.domains() if state.live_xml is not None]
        return tuple(
            state.name
            for state in running
            for interface in devices.interfaces(state.live_xml or "")
            if interface.type == "network" and interface.source == self.request.name
        )

    def plan(self, state: State) -> Plan:
        return plan(self.request, state)

    def perform(self, action: Action) -> None:
        getattr(self, f"_do_{action.operation}")(**action.arguments)

    def _do_create(self, network: Network) -> None:
        now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
        self.connection.define_network(self.request.name, xml.build(self.request.name, network, now))
        # At once: autostart is no part of the definition, and a run that ends in between would lose it.
        self.connection.set_network_autostart(self.request.name, bool(network.autostart))

    def _do_define(self, network: Network) -> None:
        found = self.connection.network(self.request.name)
        if found is not None:
            self.connection.define_network(self.request.name, xml.edit(found.xml, network))

    def _do_start(self) -> None:
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
        network = _target(self.request, state) if changed else state.network
        found = state.found
        return {
            "name": name,
            "state": "present",
            "uuid": UNKNOWN if found is None else found.uuid,
            **dataclasses.asdict(network),
            "address": bridge_address(network.subnet) if network.subnet and changed else _address(found),
            "bridge": UNKNOWN if found is None else found.bridge,
            "active": changed or (found is not None and found.active),
            "owned": state.owned or found is None,
        }


def _address(found: Optional[NetworkState]) -> Optional[str]:
    return None if found is None else xml.address(found.xml)


def _differs(stated: Network, network: Network) -> bool:
    return any(getattr(stated, name) not in (None, getattr(network, name)) for name in FIELDS)


def _target(request: Request, state: State) -> Network:
    stated = {name: getattr(request.stated, name) for name in FIELDS if getattr(request.stated, name) is not None}
    if state.found is not None:
        return dataclasses.replace(state.network, **stated)
    network = dataclasses.replace(NEW, **stated)
    return network if network.subnet else dataclasses.replace(network, subnet=free_subnet(state.taken))


def plan(request: Request, state: State) -> Plan:
    """The plan, or a refusal: pure."""
    if request.state == "absent":
        return _plan_absent(request, state)
    after = _target(request, state)
    before = {} if state.found is None else {name: getattr(state.network, name) for name in FIELDS}
    found = changes({name: getattr(after, name) for name in FIELDS}, before, _IMPACTS)
    if any(change.path == "subnet" for change in found):
        _check_subnet(after, state.taken)
    if state.found is None:
        kind = "NAT network" if after.mode == "nat" else f"{after.mode} network"
        actions = [Action("create", f"create {kind} {request.name} ({after.subnet})", {"network": after})]
        actions.append(Action("start", f"start network {request.name}"))
        return Plan(tuple(actions), found)
    return _plan_update(request, state, after, found)


def _plan_update(request: Request, state: State, after: Network, found: tuple[Change, ...]) -> Plan:
    active = state.found is not None and state.found.active
    actions = []
    written = [change for change in found if change.path != "autostart"]
    if written:
        if active:
            _check_guests(request, state, written[0].sentence())
            actions.append(Action("stop", f"stop network {request.name}"))
        sentence = ", ".join(change.sentence() for change in written)
        actions.append(Action("define", f"network {request.name}: {sentence}", {"network": after}))
    if len(written) != len(found):
        wanted = bool(after.autostart)
        actions.append(Action("autostart", f"set autostart of {request.name} to {wanted}", {"wanted": wanted}))
    if written or not active:
        actions.append(Action("start", f"start network {request.name}"))
    reported = found if active else (*found, Change("active", False, True))
    return Plan(tuple(actions), reported)


def _plan_absent(request: Request, state: State) -> Plan:
    if state.found is None:
        return Plan()
    if not state.owned:
        problem = f"network {request.name} isn't ours: it has no stamp of burrow.vm"
        raise SpecError("name", problem, "Remove it by hand (virsh net-undefine) if it has to go.", "not_owned")
    _check_guests(request, state, "remove it")
    actions = [Action("stop", f"stop network {request.name}")] if state.found.active else []
    actions.append(Action("undefine", f"remove network {request.name}"))
    return Plan(tuple(actions), (Change("network", request.name, None),))


def _check_guests(request: Request, state: State, what: str) -> None:
    if state.guests and request.policy == "refuse":
        problem = f"to {what} cuts off {', '.join(state.guests)}, running in network {request.name}"
        hint = "Stop them first, or set restart_policy to now (they have no network until they are restarted)."
        raise SpecError("name", problem, hint, "restart_required")


def _check_subnet(network: Network, taken: Mapping[str, str]) -> None:
    owner = overlapping(network.subnet, taken) if network.subnet else None
    if owner is not None:
        problem = f"{network.subnet} overlaps the subnet of {owner}"
        raise SpecError("subnet", problem, "State another one, or none: a free one is found.")


def build(params: Mapping[str, Any]) -> NetworkResource:
    request = parse_request(params)
    return NetworkResource(request, Networks(request.uri))
