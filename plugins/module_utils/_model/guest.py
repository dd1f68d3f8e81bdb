# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as its variables state it: read by the table of `guest_keys`, then checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from .._errors import SpecError
from .cloud_config import check_other_users
from .forward import Forward
from .guest_keys import BY_NAME, GUEST, GUEST_KEYS, KEYS, RUN, Interface
from .inside import parse_hostname
from .names import mac_address, parse_name
from .public_key import PublicKey
from .share import Share
from .share_rules import lies_in
from .value import mapping, sequence, shown, unknown_keys

PREFIX = "burrow_"


@dataclass(frozen=True)
class Layer:
    """Keys from one source. prefix is what the user wrote before a key, for messages."""

    prefix: str
    values: Mapping[str, object]


@dataclass(frozen=True)
class Guest:
    """Every key of scope guest. stated names those that somebody stated; the rest holds creation's defaults.

    memory and disk are bytes, timeout is seconds. authorized_keys are the caller's when None.
    """

    name: str
    hypervisor: str
    backend: str
    image: str
    cpus: int
    memory: int
    disk: int
    interfaces: tuple[Interface, ...]
    firmware: str
    autostart: bool
    timeout: int
    restart_policy: str
    hostname: str
    profile: Optional[str] = None
    shares: tuple[Share, ...] = ()
    forwards: tuple[Forward, ...] = ()
    user: Optional[str] = None
    authorized_keys: Optional[tuple[PublicKey, ...]] = None
    cloud_config: Mapping[str, Any] = field(default_factory=dict)
    first_boot_script: Optional[str] = None
    every_boot_script: Optional[str] = None
    workdir: Optional[str] = None
    iommu: Optional[str] = None
    vsock: Optional[Mapping[str, Any]] = None
    pcie_root_ports: Optional[int] = None
    xml: Optional[str] = None
    stated: frozenset[str] = frozenset()

    def mac(self, index: int) -> str:
        """The MAC of a main interface."""
        return self.interfaces[index].mac or mac_address(self.name, f"net{index}")


def strip_prefix(variables: Mapping[str, object]) -> dict[str, object]:
    """The keys without `burrow_`; those that lack it already are left."""
    return {key.removeprefix(PREFIX): value for key, value in variables.items()}


def parse_run(variables: Mapping[str, object]) -> dict[str, Any]:
    """The typed keys of scope run: those that are stated, and the defaults of those that have one."""
    values = {key.name: key.default for key in KEYS if key.scope == RUN and key.default is not None}
    for name, value in variables.items():
        key = BY_NAME.get(name)
        if key is not None and key.scope == RUN and value is not None:
            values[name] = key.read(value, PREFIX + name)
    return values


def parse_vms(value: object, path: str = "burrow_vms") -> dict[str, Layer]:
    """The guests of `burrow_vms` by their name, their keys known; values are read with the guest's other layers."""
    layers: dict[str, Layer] = {}
    for index, item in enumerate(sequence(value, path)):
        where = f"{path}[{index}]"
        entry = mapping(item, where)
        unknown_keys(entry, ("name", *GUEST_KEYS), where)
        name = parse_name(entry.pop("name", ""), f"{where}.name")
        if name in layers:
            raise SpecError(f"{where}.name", f"{shown(name)} is there twice", "Give each VM a name of its own.")
        layers[name] = Layer(f"{where}.", entry)
    return layers


def profile_name(variables: Mapping[str, object], name: str) -> Optional[str]:
    """The profile that a guest's variables name: needed before the others can be read."""
    layers = _host_layers(variables, name)
    merged, origins = _merge(layers)
    value = merged.get("profile")
    return None if value is None else str(BY_NAME["profile"].read(value, f"{origins['profile']}profile"))


def parse(
    variables: Mapping[str, object], name: str, profile: Optional[Layer] = None, caller: Optional[str] = None
) -> Guest:
    """A guest from its host's variables (prefix stripped) above its profile's; caller is the user if none is stated."""
    parse_name(name)
    layers = _host_layers(variables, name)
    if profile is not None:
        _check_profile(profile)
        layers.insert(0, profile)
    merged, origins = _merge(layers)
    values = _read(merged, origins)
    values.setdefault("hostname", parse_hostname(name))
    values.setdefault("user", caller)
    guest = Guest(name=name, stated=frozenset(merged), **values)
    for check in _CHECKS:
        check(guest, origins)
    return guest


def _host_layers(variables: Mapping[str, object], name: str) -> list[Layer]:
    unknown_keys(variables, tuple(BY_NAME), prefix=PREFIX)
    layers = [Layer(PREFIX, {key: value for key, value in variables.items() if BY_NAME[key].scope == GUEST})]
    if variables.get("vms") is not None:
        entry = parse_vms(variables["vms"]).get(name)
        layers += [entry] if entry else []
    return layers


def _check_profile(profile: Layer) -> None:
    # A profile says what VM it wants; which profile, and where, is the guest's own matter.
    known = [key for key in GUEST_KEYS if key not in ("profile", "hypervisor")]
    try:
        unknown_keys(profile.values, known)
    except SpecError as error:
        raise SpecError(profile.prefix + error.path, error.problem, error.hint) from None


def _merge(layers: Sequence[Layer]) -> tuple[dict[str, object], dict[str, str]]:
    """What is stated, the last layer first in rank, and the prefix of the layer that each key is from.

    A mapping (cloud_config) is merged into the one below it, at every depth; anything else replaces it.
    """
    merged: dict[str, object] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        for key, value in layer.values.items():
            if value is not None:
                merged[key] = merge_deep(merged.get(key), value)
                origins[key] = layer.prefix
    return merged, origins


def merge_deep(below: object, above: object) -> object:
    """above, laid over below: mappings key by key, anything else replaced."""
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    return {**below, **{key: merge_deep(below.get(key), value) for key, value in above.items()}}


def _read(merged: Mapping[str, object], origins: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in GUEST_KEYS:
        key = BY_NAME[name]
        if name in merged:
            values[name] = key.read(merged[name], f"{origins[name]}{name}")
        elif key.default is not None:
            values[name] = key.read(key.default, name)
    return values


def _check_macs(guest: Guest, origins: Mapping[str, str]) -> None:
    seen: dict[str, int] = {mac_address(guest.name, "forward"): -1}
    for index in range(len(guest.interfaces)):
        mac = guest.mac(index)
        if mac in seen:
            whose = "the interface of the forwards" if seen[mac] < 0 else f"interfaces[{seen[mac]}]"
            path = f"{origins.get('interfaces', PREFIX)}interfaces[{index}].mac"
            raise SpecError(path, f"{shown(mac)} is {whose}'s too", "Give each interface a MAC address of its own.")
        seen[mac] = index


def _check_interfaces(guest: Guest, origins: Mapping[str, str]) -> None:
    if not guest.interfaces:
        path = f"{origins.get('interfaces', PREFIX)}interfaces"
        raise SpecError(path, "it is empty", "The guest is reached by its first interface: name at least one network.")


def _check_home(guest: Guest, origins: Mapping[str, str]) -> None:
    """A share over the user's home would hide the keys that let the user in."""
    home = f"/home/{guest.user}" if guest.user else "/home"
    for index, share in enumerate(guest.shares):
        if lies_in(home, share.target) or (guest.user and share.target == f"{home}/.ssh"):
            path = f"{origins.get('shares', PREFIX)}shares[{index}].target"
            hint = "Mount it below the home directory, as at /home/NAME/code, or elsewhere."
            raise SpecError(path, f"{shown(share.target)} would hide the user's keys", hint)


def _check_users(guest: Guest, origins: Mapping[str, str]) -> None:
    if guest.user:
        path = f"{origins.get('cloud_config', PREFIX)}cloud_config"
        check_other_users(guest.cloud_config, guest.user, path)


_CHECKS = (_check_interfaces, _check_macs, _check_home, _check_users)
