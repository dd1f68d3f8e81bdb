# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the table, made from what tasks registered; and the checks that stop a guest."""

from __future__ import annotations

from ansible_collections.burrow.vm.plugins.plugin_utils._rows import messages, rows
from ansible_collections.burrow.vm.plugins.plugin_utils._text import printable


def test_a_row_collects_what_the_tasks_registered() -> None:
    host = {
        "inventory_hostname": "web",
        "__guest_spec": {"image": {"name": "debian-13"}},
        "__guest_image": {"skipped": True},
        "__guest_seed": {"actions": ["make the seed"], "reset_required": ["cloud_config.packages"], "timings": {}},
        "__guest_domain": {
            "actions": ["start the domain"],
            "domain": {"state": "running", "accelerator": "tcg", "metadata": {}},
            "timings": {"observe": 0.1, "apply": 0.4, "unknown": 99},
        },
        "__guest_ready": {"timings": {"observe": 20.0, "banner": 20.0}},
        "__guest_ssh": {"ssh": {"address": "10.0.0.2", "command": "ssh web"}},
    }
    assert rows([host]) == [
        {
            "name": "web",
            "state": "running",
            "address": "10.0.0.2",
            "reach": "ssh web",
            "image": "debian-13",
            "accelerator": "tcg",
            "changes": ["make the seed", "start the domain"],
            "timings": {"domain": 0.5, "answer": 20.0},
            "reset_required": ["cloud_config.packages"],
        }
    ]


def test_a_guest_that_failed_early_has_its_error() -> None:
    failure = {"phase": "Have the image", "msg": "no room"}
    (row,) = rows([{"inventory_hostname": "db", "__guest_failure": failure}])
    assert row == {"name": "db", "changes": [], "timings": {}, "error": failure}


def test_status_shows_the_domain_that_was_found() -> None:
    status = {"state": "stopped", "addresses": ["10.0.0.9"], "metadata": {"image": "debian-12"}}
    (row,) = rows([{"inventory_hostname": "db", "__guest_status": status}])
    assert (row["state"], row["address"], row["image"]) == ("stopped", "10.0.0.9", "debian-12")


def test_only_errors_of_the_guest_or_of_the_host_stop_it() -> None:
    checks = [
        {"ok": False, "level": "error", "guest": "web", "reason": "port 80 is in use", "remedy": "Choose another"},
        {"ok": False, "level": "error", "guest": "db", "reason": "other"},
        {"ok": False, "level": "error", "guest": None, "reason": "no room.", "remedy": ""},
        {"ok": False, "level": "warning", "guest": "web", "reason": "much memory"},
        {"ok": True, "level": "error", "guest": "web", "reason": "fine"},
    ]
    assert messages(checks, "web") == ["port 80 is in use. Choose another.", "no room."]


def test_printable_bounds_and_cleans() -> None:
    assert printable("a\n\tb\x1b[0m\u202e") == "a b [0m"
    assert printable("x" * 50, 10) == "x" * 7 + "..."
