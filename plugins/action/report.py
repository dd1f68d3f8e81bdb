# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of burrow.vm.report: it prints, and changes nothing."""

from __future__ import annotations

from typing import Any, Optional

from ansible import constants as C  # noqa: N812 (Ansible's own name for it)
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.burrow.vm.plugins.plugin_utils import _report
from ansible_collections.burrow.vm.plugins.plugin_utils._plain import plain

_SPEC = {
    "title": {"type": "str"},
    "text": {"type": "str"},
    "guests": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str"},
            "address": {"type": "str"},
            "reach": {"type": "str"},
            "image": {"type": "str"},
            "accelerator": {"type": "str"},
            "changes": {"type": "list", "elements": "str"},
            "timings": {"type": "dict"},
            "restart_required": {"type": "list", "elements": "str"},
            "reset_required": {"type": "list", "elements": "str"},
            "warnings": {"type": "list", "elements": "str"},
            "error": {"type": "dict"},
        },
    },
}


class ActionModule(ActionBase):
    """Prints the guests."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _validated, params = self.validate_argument_spec(argument_spec=_SPEC)
        options = plain(params)
        lines = _report.text_lines(options["title"] or "")
        lines += _report.text_lines(options["text"] or "")
        lines += _report.table(options["guests"] or [], planned=bool(self._task.check_mode))
        display = Display()
        for line in lines:
            display.display(line, color=C.COLOR_ERROR if line.startswith("FAILED ") else None)
        return {"changed": False, "report": lines}
