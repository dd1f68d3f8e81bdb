# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of burrow.vm.caller: it looks at the controller, never at a target."""

from __future__ import annotations

import time
from typing import Any, Optional

from ansible.plugins.action import ActionBase

from ansible_collections.burrow.vm.plugins.module_utils._errors import BurrowError
from ansible_collections.burrow.vm.plugins.plugin_utils import _caller
from ansible_collections.burrow.vm.plugins.plugin_utils._action import failure
from ansible_collections.burrow.vm.plugins.plugin_utils._caller_files import caller_files


class ActionModule(ActionBase):
    """Returns the caller's name and keys; makes a key pair for one who has none."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self.validate_argument_spec(argument_spec={})
        try:
            return self._converge()
        except BurrowError as error:
            return failure(error)

    def _converge(self) -> dict[str, Any]:
        start = time.monotonic()
        place = caller_files()
        caller = _caller.observe(place)
        changed = caller.missing
        if changed and not self._task.check_mode:
            _caller.make_key(place)
            caller = _caller.observe(place)
        return {
            "changed": changed,
            "actions": [f"make the caller's key pair {place.key}"] if changed else [],
            "caller": caller.result(place),
            "timings": {"caller": round(time.monotonic() - start, 3)},
        }
