# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of burrow.vm.ssh_config: it writes the controller's files, never a target's."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.burrow.vm.plugins.module_utils._errors import BurrowError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.lock import locked
from ansible_collections.burrow.vm.plugins.module_utils._model.names import parse_name
from ansible_collections.burrow.vm.plugins.module_utils._plan import UNKNOWN
from ansible_collections.burrow.vm.plugins.plugin_utils import _ssh_files, _ssh_text
from ansible_collections.burrow.vm.plugins.plugin_utils._action import failure
from ansible_collections.burrow.vm.plugins.plugin_utils._caller_files import caller_files
from ansible_collections.burrow.vm.plugins.plugin_utils._plain import plain
from ansible_collections.burrow.vm.plugins.plugin_utils._spec import alias as default_alias

_LOCK_SECONDS = 60.0
_SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str", "required": True},
    "alias": {"type": "str"},
    "address": {"type": "str"},
    "port": {"type": "int", "default": 22},
    "user": {"type": "str"},
    "identity_file": {"type": "path"},
    "host_key": {"type": "str"},
    "proxy": {
        "type": "dict",
        "options": {
            "host": {"type": "str", "required": True},
            "port": {"type": "int"},
            "user": {"type": "str"},
            "identity_file": {"type": "path"},
            "arguments": {"type": "list", "elements": "str"},
        },
    },
    "include": {"type": "bool", "default": True},
}
_REQUIRED_IF = [("state", "present", ("address", "user", "host_key"))]


class ActionModule(ActionBase):
    """Writes how a VM is reached; several forks may do so at once."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _validated, params = self.validate_argument_spec(argument_spec=_SPEC, required_if=_REQUIRED_IF)
        try:
            return self._converge(plain(params))
        except BurrowError as error:
            return failure(error)

    def _converge(self, params: dict[str, Any]) -> dict[str, Any]:
        start = time.monotonic()
        place = caller_files()
        check_mode = bool(self._task.check_mode)
        name = parse_name(params["name"])
        stated = None if params["alias"] is None else _ssh_text.parse_alias(params["alias"])
        alias = stated or default_alias(name, "localhost")
        present = params["state"] == "present"
        entry = _ssh_text.parse_entry(params, alias, UNKNOWN if check_mode else "") if present else None
        with contextlib.ExitStack() as stack:
            if entry is not None and not check_mode:
                place.make_directory()
            if os.path.isdir(place.directory) and not check_mode:
                stack.enter_context(locked(place.lock, _LOCK_SECONDS))
            texts = _ssh_files.observe(place)
            if entry is not None:
                changes = _ssh_files.plan_present(place, texts, entry, params["include"])
            else:
                changes = _ssh_files.plan_absent(place, texts, name, stated)
            after = texts
            warnings: list[str] = []
            if not check_mode:
                changes, warnings = _ssh_files.apply(place, texts, changes)
                after = _ssh_files.observe(place)
        self._announce([change for change in changes if change.path == _ssh_files.user_path(place)])
        include = place.effective and params["include"]
        if not check_mode:
            include = _ssh_files.included(place, after.user_config)
        return {
            "changed": bool(changes),
            "actions": [change.action for change in changes],
            "diff": [change.diff() for change in changes],
            "ssh": {
                **_ssh_files.result(place, name, alias, include=present and include),
                "address": entry and entry.address,
                "port": entry and entry.port,
            },
            "timings": {"ssh_config": round(time.monotonic() - start, 3)},
            **({"warnings": warnings} if warnings else {}),
        }

    def _announce(self, changes: list[_ssh_files.FileChange]) -> None:
        """A file of the caller's own is never changed silently."""
        for change in changes:
            would = "would " if self._task.check_mode else ""
            hint = " (not with burrow_ssh_include: false)" if change.action.startswith("add") else ""
            Display().display(f"burrow: {would}{change.action}{hint}")
