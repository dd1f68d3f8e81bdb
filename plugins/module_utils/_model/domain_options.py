# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of module domain, as AnsibleModule takes them."""

from __future__ import annotations

from .domain import (
    ACCELERATORS,
    CPU_MODES,
    DISK_FORMATS,
    FIRMWARES,
    INTERFACE_MODELS,
    INTERFACE_TYPES,
    LISTS,
    METADATA,
    URI,
)
from .domain_request import POLICIES, STATES
from .forward import LOOPBACK
from .paths import DATA

_CPU = {"mode": {"type": "str", "choices": list(CPU_MODES)}, "disable": {"type": "list", "elements": "str"}}
_KERNEL = {"path": {"type": "path", "required": True}, "initrd": {"type": "path"}, "cmdline": {"type": "str"}}
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
}
_FORWARD = {
    "host_port": {"type": "int", "required": True},
    "guest_port": {"type": "int", "required": True},
    "address": {"type": "str", "default": LOOPBACK},
}

OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": list(STATES), "default": "present"},
    "uri": {"type": "str", "default": URI},
    "data": {"type": "path", "default": DATA},
    "cpus": {"type": "int"},
    "memory": {"type": "str"},
    "accelerator": {"type": "str", "choices": list(ACCELERATORS)},
    "machine": {"type": "str"},
    "cpu": {"type": "dict", "options": _CPU},
    "firmware": {"type": "str", "choices": list(FIRMWARES)},
    "kernel": {"type": "dict", "options": _KERNEL},
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
    "defaults": {"type": "dict"},
    "purge": {"type": "list", "elements": "str", "choices": list(LISTS)},
    "restart_policy": {"type": "str", "choices": list(POLICIES), "default": "refuse"},
    "allow_recreate": {"type": "bool", "default": False},
    "owned_only": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 60},
}
