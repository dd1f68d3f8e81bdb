# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests of a run, sorted by their hypervisors."""

from __future__ import annotations

from ansible_collections.burrow.vm.plugins.plugin_utils._places import places


def guest(name: str, hypervisor: str, **more: object) -> dict[str, object]:
    return {"inventory_hostname": name, "__guest_spec": {"name": name, "hypervisor": hypervisor, **more}}


def test_the_first_guest_of_each_hypervisor_acts_for_all_there() -> None:
    hosts = [
        guest("a", "one", preflight={"name": "a"}),
        guest("b", "two", preflight={"name": "b"}),
        guest("c", "one", preflight={"name": "c"}),
    ]
    assert places(hosts) == {
        "refused": [],
        "hypervisors": {
            "one": {"first": "a", "preflight": [{"name": "a"}, {"name": "c"}]},
            "two": {"first": "b", "preflight": [{"name": "b"}]},
        },
    }


def test_a_guest_whose_variables_are_wrong_needs_nothing() -> None:
    found = places([guest("a", "one", error={"msg": "no"}), {"inventory_hostname": "of another batch"}])
    assert found == {"refused": ["a"], "hypervisors": {"one": {"first": "a", "preflight": []}}}
