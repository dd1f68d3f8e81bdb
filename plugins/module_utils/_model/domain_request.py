# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task asks of a domain: its definition, its state, and how far a run may go for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._errors import SpecError
from . import value
from .domain import LISTS, URI, Definition, parse
from .names import parse_name
from .paths import DATA

STATES = ("present", "running", "stopped", "absent")
POLICIES = ("refuse", "defer", "now")
DEFAULTS = ("cpus", "memory", "accelerator", "machine", "cpu", "firmware", "kernel", "interfaces", "autostart")
_TIMEOUT = 60
_LONGEST_TIMEOUT = 3600


@dataclass(frozen=True)
class Request:
    """defaults count only at creation. timeout: seconds for a shutdown, before the power is taken."""

    name: str
    state: str = "present"
    stated: Definition = field(default_factory=Definition)
    defaults: Definition = field(default_factory=Definition)
    purge: tuple[str, ...] = ()
    policy: str = "refuse"
    allow_recreate: bool = False
    owned_only: bool = False
    timeout: int = _TIMEOUT
    uri: str = URI
    data: str = DATA


def parse_request(params: Mapping[str, Any]) -> Request:
    given = {key: entry for key, entry in params.items() if entry is not None}
    purge = tuple(value.choice(entry, "purge", LISTS) for entry in given.get("purge", ()))
    stated = parse(given)
    for name in purge:
        # Else a forgotten list would take all devices away.
        if getattr(stated, name) is None:
            raise SpecError("purge", f"{name} is not stated", f"State {name} too; [] takes all of them away.")
    return Request(
        name=parse_name(given.get("name")),
        state=value.choice(given.get("state", "present"), "state", STATES),
        stated=stated,
        defaults=_parse_defaults(given.get("defaults", {})),
        purge=purge,
        policy=value.choice(given.get("restart_policy", "refuse"), "restart_policy", POLICIES),
        allow_recreate=value.boolean(given.get("allow_recreate", False), "allow_recreate"),
        owned_only=value.boolean(given.get("owned_only", False), "owned_only"),
        timeout=value.count(given.get("timeout", _TIMEOUT), "timeout", least=0, most=_LONGEST_TIMEOUT),
        uri=value.text(given.get("uri", URI), "uri"),
        data=value.absolute_path(given.get("data", DATA), "data"),
    )


def _parse_defaults(stated: object) -> Definition:
    given = value.mapping(stated, "defaults")
    value.unknown_keys(given, DEFAULTS, "defaults")
    return parse(given, "defaults.")
