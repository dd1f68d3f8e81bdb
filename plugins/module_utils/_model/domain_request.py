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
from .domain import (
    ACCELERATORS,
    CPU_MODES,
    DISK_FORMATS,
    FIRMWARES,
    INTERFACE_MODELS,
    INTERFACE_TYPES,
    IOMMUS,
    LISTS,
    Definition,
    parse,
)
from .domain_values import METADATA, NONE
from .forward import LOOPBACK
from .names import parse_name
from .paths import DATA

STATES = ("present", "running", "stopped", "absent")
POLICIES = ("refuse", "defer", "now")
DEFAULTS = ("cpus", "memory", "accelerator", "machine", "cpu", "firmware", "kernel", "interfaces", "autostart")
_TIMEOUT = 60
_LONGEST_TIMEOUT = 3600


_CPU = {"mode": {"type": "str", "choices": list(CPU_MODES)}, "disable": {"type": "list", "elements": "str"}}
_KERNEL = {"path": {"type": "path", "required": True}, "initrd": {"type": "path"}, "cmdline": {"type": "str"}}
_VSOCK = {"cid": {"type": "str", "required": True}}
_DISK = {
    "name": {"type": "str", "required": True},
    "source": {"type": "path"},
    "format": {"type": "str", "choices": list(DISK_FORMATS)},
    "readonly": {"type": "bool"},
    "base": {"type": "path"},
}
_INTERFACE = {
    "type": {"type": "str", "choices": list(INTERFACE_TYPES)},
    "source": {"type": "str"},
    "mac": {"type": "str"},
    "model": {"type": "str", "choices": list(INTERFACE_MODELS)},
}
_FILESYSTEM = {
    "tag": {"type": "str", "required": True},
    "source": {"type": "path", "required": True},
    "readonly": {"type": "bool"},
    "allow_sensitive": {"type": "bool"},
}
_FORWARD = {
    "host_port": {"type": "int", "required": True},
    "guest_port": {"type": "int", "required": True},
    "address": {"type": "str", "default": LOOPBACK},
}

# As AnsibleModule takes them.
OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": list(STATES), "default": "present"},
    **LIBVIRT,
    **STORE,
    "cpus": {"type": "int"},
    "memory": {"type": "str"},
    "accelerator": {"type": "str", "choices": list(ACCELERATORS)},
    "machine": {"type": "str"},
    "cpu": {"type": "dict", "options": _CPU},
    "firmware": {"type": "str", "choices": list(FIRMWARES)},
    "kernel": {"type": "dict", "options": _KERNEL},
    "iommu": {"type": "str", "choices": [*IOMMUS, NONE]},
    "vsock": {"type": "dict", "options": _VSOCK},
    "pcie_root_ports": {"type": "int"},
    "disks": {"type": "list", "elements": "dict", "options": _DISK},
    "interfaces": {"type": "list", "elements": "dict", "options": _INTERFACE},
    "filesystems": {"type": "list", "elements": "dict", "options": _FILESYSTEM},
    "forwards": {"type": "list", "elements": "dict", "options": _FORWARD},
    "console_log": {"type": "path"},
    "autostart": {"type": "bool"},
    "metadata": {
        "type": "dict",
        "options": {**{key: {"type": "str"} for key in METADATA}, "digests": {"type": "dict"}},
    },
    "xml": {"type": "str"},
    "defaults": {"type": "dict"},
    "purge": {"type": "list", "elements": "str", "choices": list(LISTS)},
    "restart_policy": {"type": "str", "choices": list(POLICIES), "default": "refuse"},
    "allow_recreate": {"type": "bool", "default": False},
    "owned_only": {"type": "bool", "default": False},
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
