# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain as it is found by the tests of plans, and short words for planning."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.burrow.vm.plugins.module_utils._model.domain import parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import parse_request
from ansible_collections.burrow.vm.plugins.module_utils._plan import Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_plan import plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_state import State
from ansible_collections.burrow.vm.plugins.module_utils._xml.domain import build

BEFORE = dataclasses.replace(
    create(
        parse(
            {
                "cpus": 2,
                "memory": "1GiB",
                "accelerator": "tcg",
                "machine": "pc-q35-7.2",
                "cpu": {"mode": "maximum"},
                "firmware": "efi",
                "autostart": False,
                "metadata": {"image": "a"},
                "disks": [{"name": "root", "source": "/r"}],
                "interfaces": [{"source": "burrow", "mac": "52:54:00:00:00:01"}],
                "filesystems": [{"tag": "code", "source": "/srv"}],
                "forwards": [{"host_port": 8080, "guest_port": 80}],
            }
        )
    ),
    owned=True,
)
STOPPED = State(definition=BEFORE, run_state="stopped", uuid="u")
TEXT = build("work", "x86_64", BEFORE, "now")
RUNNING = dataclasses.replace(STOPPED, live=BEFORE, live_text=TEXT, run_state="running", active=True)


def planned(before: State, /, **params: Any) -> Plan:
    return plan(parse_request({"name": "work", **params}), before)


def operations(found: Plan) -> list[str]:
    return [action.operation for action in found.actions]
