# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task asks of a domain: its definition, its state, and how far a run may go for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from .._errors import SpecError
from . import value
from .arguments import LIBVIRT, STORE, URI
from .domain import ARGUMENTS, Definition, parse
from .domain_devices import LISTS
from .names import parse_name
from .paths import DATA

STATES = ("present", "running", "paused", "suspended", "stopped", "absent")
POLICIES = ("refuse", "defer", "now")
DEFAULTS = ("cpus", "memory", "accelerator", "machine", "cpu", "firmware", "kernel", "interfaces", "autostart")
_TIMEOUT = 60
_LONGEST_TIMEOUT = 3600

# As AnsibleModule takes them.
OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": list(STATES), "default": "present"},
    **LIBVIRT,
    **STORE,
    **ARGUMENTS,
    "defaults": {"type": "dict"},
    "purge": {"type": "list", "elements": "str", "choices": list(LISTS)},
    "restart_policy": {"type": "str", "choices": list(POLICIES), "default": "refuse"},
    "allow_recreate": {"type": "bool", "default": False},
    "owned_only": {"type": "bool", "default": False},
    "power_off": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": _TIMEOUT},
}


@dataclass(frozen=True)
class Request:
    """defaults count only at creation. timeout: seconds for a shutdown, before the power is taken.

    guarded: the tags of shares that may not lead to a sensitive directory. fragment: the text that stated.xml is of.
    """

    name: str
    state: str = "present"
    stated: Definition = field(default_factory=Definition)
    defaults: Definition = field(default_factory=Definition)
    guarded: frozenset[str] = frozenset()
    fragment: Optional[str] = None
    purge: tuple[str, ...] = ()
    policy: str = "refuse"
    allow_recreate: bool = False
    owned_only: bool = False
    power_off: bool = True
    timeout: int = _TIMEOUT
    uri: str = URI
    data: str = DATA


def parse_request(params: Mapping[str, Any]) -> Request:
    given = {key: entry for key, entry in params.items() if entry is not None}
    purge = tuple(value.choice(entry, "purge", LISTS) for entry in given.get("purge", ()))
    stated = parse(given)
    for listed in purge:
        # Else a forgotten list would take all devices away.
        if getattr(stated, listed) is None:
            raise SpecError("purge", f"{listed} is not stated", f"State {listed} too; [] takes all of them away.")
    name = parse_name(given.get("name"))
    if (stated.xml or {}).get("name", name) != name:
        raise SpecError("xml", f"it is of another domain than {value.shown(name)}", "Leave <name> out.")
    return Request(
        name=name,
        state=value.choice(given.get("state", "present"), "state", STATES),
        stated=stated,
        defaults=_parse_defaults(given.get("defaults", {})),
        guarded=_guarded(given.get("filesystems", ())),
        fragment=given.get("xml"),
        purge=purge,
        policy=value.choice(given.get("restart_policy", "refuse"), "restart_policy", POLICIES),
        allow_recreate=value.boolean(given.get("allow_recreate", False), "allow_recreate"),
        owned_only=value.boolean(given.get("owned_only", False), "owned_only"),
        power_off=value.boolean(given.get("power_off", True), "power_off"),
        timeout=value.count(given.get("timeout", _TIMEOUT), "timeout", least=0, most=_LONGEST_TIMEOUT),
        uri=value.text(given.get("uri", URI), "uri"),
        data=value.absolute_path(given.get("data", DATA), "data"),
    )


def _guarded(shares: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(share["tag"] for share in shares if share.get("allow_sensitive") is False)


def _parse_defaults(stated: object) -> Definition:
    given = value.mapping(stated, "defaults")
    value.unknown_keys(given, DEFAULTS, "defaults")
    return parse(given, "defaults.")
