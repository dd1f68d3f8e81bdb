# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our action plugins share."""

from __future__ import annotations

from typing import Any

from ansible_collections.burrow.vm.plugins.module_utils._errors import BurrowError


def failure(error: BurrowError) -> dict[str, Any]:
    """An expected error as a task's result, as our modules return theirs."""
    return {
        "failed": True,
        "msg": str(error),
        "error": {"code": error.code, "path": error.path, "hint": error.hint},
    }
