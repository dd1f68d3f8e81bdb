# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done to a network, and whether it may be: pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Optional

from .._diff import RESTART, Change
from .._errors import SpecError
from .._gateway.libvirt_network import NetworkState
from .._model.network import IMPACTS, Network, Request
from .._model.network_check import check
from .._model.network_merge import OWN_BRIDGE, SUBNETS, create, facets, merge
from .._model.network_subnets import bridge_address, overlapping
from .._plan import Action, Plan

_KINDS = {"nat": "NAT network"}


@dataclass(frozen=True)
class State:
    """found is None when there is no such network. live: what it is now, where it is active.

    addresses: the host's own in its subnets. taken: subnet -> whose it is; routes: subnet -> the host's interface.
    bridges: bridge -> whose it is.
    interfaces: those of the host, and whether they are bridges; None when libvirt is on another host.
    guests: running ones that use it. defined: others that are to.
    """

    found: Optional[NetworkState] = None
    network: Network = field(default_factory=Network)
    live: Optional[Network] = None
    owned: bool = False
    addresses: Mapping[str, Optional[str]] = field(default_factory=dict)
    taken: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[str, str] = field(default_factory=dict)
    bridges: Mapping[str, str] = field(default_factory=dict)
    interfaces: Optional[Mapping[str, bool]] = None
    guests: tuple[str, ...] = ()
    defined: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        return self.found is not None and self.found.active


def target(request: Request, state: State) -> Network:
    """The network's persistent definition as it is to be."""
    return create(request, state.taken) if state.found is None else merge(state.network, request, state.taken)


def live_target(request: Request, state: State) -> Network:
    """The active network as it is to be: what isn't stated may differ from the definition, and does so on."""
    return Network() if state.live is None else merge(state.live, request, state.taken)


def addresses(state: State, after: Network) -> dict[str, Optional[str]]:
    """The host's own address in each subnet: where the subnet stays, whichever it has."""
    found: dict[str, Optional[str]] = {}
    for name in SUBNETS.values():
        subnet = getattr(after, name)
        kept = subnet is None or subnet == getattr(state.network, name)
        found[name] = state.addresses.get(name) if kept else bridge_address(subnet)
    return found


def differences(request: Request, state: State) -> tuple[Change, ...]:
    """All that has to change, in the definition or in what the network is now."""
    found = _compare({} if state.found is None else facets(state.network), facets(target(request, state)))
    if state.live is not None:
        paths = {change.path for change in found}
        now = _compare(facets(state.live), facets(live_target(request, state)))
        found += tuple(change for change in now if change.path not in paths and _is_stated(change, request.stated))
    return found


def _is_stated(change: Change, stated: Network) -> bool:
    """Whether a running network is asked for it; what else comes with that, it gets from its definition."""
    name = change.path.partition("[")[0]
    # Whether it starts with the host is no matter of what runs.
    return name != "autostart" and getattr(stated, name) is not None


def _compare(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[Change, ...]:
    return tuple(
        Change(path, before.get(path), after.get(path), IMPACTS[path.partition("[")[0]])
        for path in dict.fromkeys((*before, *after))
        if before.get(path) != after.get(path)
    )


def plan(request: Request, state: State) -> Plan:
    """The plan, or a refusal."""
    if request.state == "absent":
        return _plan_absent(request, state)
    after = target(request, state)
    found = differences(request, state)
    check(request.stated, state.network, after, addresses(state, after))
    paths = {change.path for change in found}
    _check_subnets(after, state.taken, paths)
    if paths & {"bridge", "mode"}:
        _check_bridge(after, state)
    if not state.active:
        _check_start(after, state.routes)
    if state.found is None:
        return Plan((_creation(request, after), Action("start", f"start network {request.name}")), found)
    return _plan_update(request, state, after, found)


def _creation(request: Request, after: Network) -> Action:
    kind = _KINDS.get(str(after.mode), f"{after.mode} network")
    where = ", ".join(filter(None, (after.subnet, after.subnet6))) or after.bridge or "no subnet"
    return Action("create", f"create {kind} {request.name} ({where})", {"network": after})


def _plan_update(request: Request, state: State, after: Network, found: tuple[Change, ...]) -> Plan:
    name = request.name
    written = [change for change in found if change.path != "autostart"]
    sentence = f"network {name}: {', '.join(map(_sentence, written))}"
    actions = []
    restart = state.active and any(change.impact == RESTART for change in written)
    if state.found is not None and not state.found.persistent:
        actions.append(Action("define", f"make network {name} persistent", {"network": state.network}))
    if restart:
        _check_guests(request, state, _sentence(next(change for change in written if change.impact == RESTART)))
    if written and state.active and not restart:
        actions.append(Action("update", sentence, {"config": after, "live": live_target(request, state)}))
    elif written:
        # Before the network is stopped: what libvirt refuses has then changed nothing.
        actions.append(Action("define", sentence, {"network": after}))
    if restart:
        actions.append(_stop(request, state))
    if len(written) != len(found):
        wanted = bool(after.autostart)
        actions.append(Action("autostart", f"set autostart of {name} to {wanted}", {"wanted": wanted}))
    if restart or not state.active:
        actions.append(Action("start", f"start network {name}"))
    reported = found if state.active else (*found, Change("active", False, True))
    return Plan(tuple(actions), reported)


def _plan_absent(request: Request, state: State) -> Plan:
    if state.found is None:
        return Plan()
    if not state.owned:
        problem = f"network {request.name} isn't ours: it has no stamp of burrow.vm"
        raise SpecError("name", problem, "Remove it by hand (virsh net-undefine) if it has to go.", "not_owned")
    _check_guests(request, state, "remove it")
    actions = [_stop(request, state)] if state.found.active else []
    users = f", which {', '.join(state.defined)} can't start without" if state.defined else ""
    actions.append(Action("undefine", f"remove network {request.name}{users}"))
    return Plan(tuple(actions), (Change("network", request.name, None),))


def _stop(request: Request, state: State) -> Action:
    effect = f" ({_effect(state)} until restarted)" if state.guests else ""
    return Action("stop", f"stop network {request.name}{effect}")


def _effect(state: State) -> str:
    """What it means for the guests: a bridge of the host keeps them, one of libvirt goes with the network."""
    names = ", ".join(state.guests)
    return f"cuts off {names}" if (state.live or state.network).mode in OWN_BRIDGE else f"leaves {names} as before"


def _sentence(change: Change) -> str:
    """Items of lists in words."""
    before, after = _words(change.before), _words(change.after)
    return dataclasses.replace(change, before=before, after=after).sentence()


def _words(held: object) -> object:
    if not isinstance(held, Mapping):
        return held
    entries = (" ".join(entry) if isinstance(entry, list) else entry for entry in held.values())
    return " ".join(map(str, entries)) or "there"


def _check_guests(request: Request, state: State, what: str) -> None:
    if state.guests and request.policy == "refuse":
        problem = f"to {what} {_effect(state)}, running in network {request.name}"
        hint = "Stop them first, or set restart_policy to now (they have to be restarted then)."
        error = SpecError("name", problem, hint, "restart_required")
        error.results = {"guests": list(state.guests)}
        raise error


def _check_subnets(after: Network, taken: Mapping[str, str], paths: Iterable[str]) -> None:
    for name in SUBNETS.values():
        subnet = getattr(after, name)
        owner = overlapping(subnet, taken) if name in paths and subnet is not None else None
        if owner is not None:
            hint = "State another one, or none: a free one is found." if name == "subnet" else "State another one."
            raise SpecError(name, f"{subnet} overlaps the subnet of {owner}", hint)


def _check_start(after: Network, routes: Mapping[str, str]) -> None:
    """libvirt starts no network whose IPv4 subnet has a route already; that it overlaps another one it accepts."""
    device = routes.get(after.subnet or "")
    if device is not None:
        problem = f"{after.subnet} is the subnet of interface {device} already"
        raise SpecError("subnet", problem, "State another one for the network, or give the interface another one.")


def _check_bridge(after: Network, state: State) -> None:
    bridge, interfaces = after.bridge, state.interfaces
    if bridge is None:
        return
    if after.mode == "bridge" and interfaces is not None and not interfaces.get(bridge):
        problem = f"interface {bridge} of the host is no bridge" if bridge in interfaces else f"there is no {bridge}"
        hint = "Make it by the host's own network configuration first; networks with other modes make theirs."
        raise SpecError("bridge", problem, hint)
    if after.mode in OWN_BRIDGE and bridge != state.network.bridge:
        owner = state.bridges.get(bridge) or ("the host" if bridge in (interfaces or ()) else None)
        if owner is not None:
            hint = "State another name, or none: libvirt finds one."
            raise SpecError("bridge", f"{bridge} is a bridge or another interface of {owner}", hint)
