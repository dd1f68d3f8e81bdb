# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message that gives a lease back, byte by byte, and the plan that says so."""

from __future__ import annotations

from ansible_collections.burrow.vm.plugins.module_utils._model.dhcp import Lease, release_message
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import parse_request
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_plan import plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_state import State

LEASE = Lease("burrow", "virbr1", "10.77.0.16", "52:54:00:0a:0b:0c", "ff:01:02")


def test_a_release_is_as_rfc_2131_has_it() -> None:
    message = release_message(LEASE, "10.77.0.1", b"abcd")
    assert message[:8] == b"\x01\x01\x06\x00abcd"
    assert message[12:16] == bytes([10, 77, 0, 16])
    assert message[28:44] == bytes.fromhex("5254000a0b0c") + bytes(10)
    assert message[236:240] == bytes([99, 130, 83, 99])
    assert message[240:] == bytes([53, 1, 7, 54, 4, 10, 77, 0, 1, 61, 3, 0xFF, 1, 2, 255])


def test_a_guest_that_sent_no_identifier_is_known_by_its_mac() -> None:
    lease = Lease("burrow", "virbr1", "10.77.0.16", "52:54:00:0a:0b:0c")
    assert release_message(lease, "10.77.0.1", b"abcd")[240:] == bytes([53, 1, 7, 54, 4, 10, 77, 0, 1, 255])


def test_leases_go_after_the_power_and_before_the_definition() -> None:
    request = parse_request({"name": "web", "state": "absent"})
    state = State(definition=Definition(owned=True), run_state="running", active=True, leases=(LEASE,))
    assert [action.operation for action in plan(request, state).actions] == ["power_off", "release", "undefine"]
    assert plan(request, state).sentences()[1] == "release the lease of 10.77.0.16"
