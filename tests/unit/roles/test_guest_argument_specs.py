# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role guest's argument specs say what the model's table says: one schema, shown in two places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.burrow.vm.plugins.module_utils._model.guest_keys import BY_NAME, GUEST_KEYS, Key

SPECS = yaml.safe_load((Path(__file__).parents[3] / "roles/guest/meta/argument_specs.yml").read_text())[
    "argument_specs"
]
WHOLE = ("main", "up", "reset")
RUN_KEYS_OF_A_ROLE = ("vms", "provision", "prepare", "ssh_include")


def expected(key: Key) -> dict[str, Any]:
    option: dict[str, Any] = {"description": key.description, "type": key.type}
    if key.elements:
        option["elements"] = key.elements
    if key.choices:
        option["choices"] = list(key.choices)
    return option


@pytest.mark.parametrize("entry", WHOLE)
def test_an_entry_that_makes_a_guest_takes_the_whole_table(entry: str) -> None:
    wanted = {f"burrow_{name}": expected(BY_NAME[name]) for name in (*GUEST_KEYS, *RUN_KEYS_OF_A_ROLE)}
    assert SPECS[entry]["options"] == wanted


@pytest.mark.parametrize("entry", sorted(set(SPECS) - set(WHOLE)))
def test_the_other_entries_take_keys_of_the_table(entry: str) -> None:
    options = SPECS[entry]["options"]
    assert options == {name: expected(BY_NAME[name.removeprefix("burrow_")]) for name in options}
    assert "burrow_hypervisor" in options


def test_each_entry_has_its_tasks() -> None:
    tasks = Path(__file__).parents[3] / "roles/guest/tasks"
    assert [entry for entry in SPECS if not (tasks / f"{entry}.yml").is_file()] == []
