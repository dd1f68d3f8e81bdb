# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a login and cloud-init's status are judged to be; the guest's text is untrusted."""

from __future__ import annotations

import json

import pytest

from ansible_collections.burrow.vm.plugins.plugin_utils._verdict import judge

SEEN = "DataSourceNoCloud [seed=/dev/vdb]"


def login(status: dict[str, object], *more: str) -> dict[str, object]:
    return {"rc": 0, "stdout": "\r\n".join([f"burrow-status: {json.dumps(status)}", "burrow-waited: 12", *more])}


@pytest.mark.parametrize("key", ["detail", "datasource"])
def test_done_with_the_seed_seen_is_fine(key: str) -> None:
    verdict = judge(login({"status": "done", "errors": [], key: SEEN}))
    assert (verdict.problem, verdict.waited, verdict.status) == ("", 12, "done")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({"status": "error", "errors": ["('package_update_upgrade_install', boom)"]}, "package_update_upgrade_install"),
        ({"status": "done", "errors": ["late"], "detail": SEEN}, "late"),
        ({"status": "done", "errors": [], "detail": "DataSourceNone"}, "without having seen the guest's seed"),
        ({"status": "disabled"}, "without having seen the guest's seed"),
        ({"status": "absent"}, "has no cloud-init"),
        ({"status": "half\x1b[31mway"}, "'half [31mway'"),
    ],
)
def test_a_problem_is_named(status: dict[str, object], text: str) -> None:
    assert text in judge(login(status)).problem


def test_the_end_of_the_log_is_shown_without_escapes() -> None:
    verdict = judge(login({"status": "error", "errors": []}, "burrow-log: E: no\x1b]0;x\x07 package"))
    assert "  E: no ]0;x package" in verdict.problem
    assert "\x1b" not in verdict.problem


def test_recoverable_errors_are_warnings() -> None:
    found = judge(login({"status": "done", "detail": SEEN, "recoverable_errors": {"WARNING": ["old key"]}}))
    assert (found.problem, found.warnings) == ("", ("old key",))


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"unreachable": True, "msg": "Host key verification failed."}, "another host key"),
        (
            {"unreachable": True, "msg": "alice@10.0.0.2: Permission denied (publickey)."},
            "takes none of the caller's keys",
        ),
        ({"unreachable": True, "msg": "Connection timed out during banner exchange"}, "Connection timed out"),
        ({"failed": True, "msg": "Timed out after 300 second(s)"}, "Raise burrow_timeout"),
        ({"failed": True, "msg": ""}, "no answer"),
    ],
)
def test_a_login_that_fails_has_a_remedy(result: dict[str, object], text: str) -> None:
    assert text in judge(result).problem


@pytest.mark.parametrize("status", ["[]", "{", "null", '{"status": {"a": 1}, "errors": "x", "recoverable_errors": []}'])
def test_hostile_status_is_no_success_and_no_exception(status: str) -> None:
    assert judge({"stdout": f"burrow-status: {status}\nburrow-waited: 99999999999"}).problem
