# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role hypervisor: its defaults agree with its argument specs, and its tables have the same shape."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.burrow.vm.plugins.module_utils._model.preparation import RULES
from ansible_collections.burrow.vm.plugins.module_utils._resource.preflight import HOOK

ROLE = Path(__file__).resolve().parents[3] / "roles/hypervisor"
TABLES = sorted((ROLE / "vars/os").glob("*.yml"))


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


OPTIONS = load(ROLE / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def test_defaults_agree_with_the_argument_specs() -> None:
    stated = {name: option["default"] for name, option in OPTIONS.items() if "default" in option}
    assert load(ROLE / "defaults/main.yml") == stated


def test_the_readme_names_every_variable() -> None:
    readme = (ROLE / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in OPTIONS)


def test_role_guest_takes_every_variable_from_the_hypervisor() -> None:
    listed = load(ROLE.parent / "guest/vars/main.yml")["__guest_hypervisor_variables"]
    names = re.findall(r"'(\w+)'", listed.partition("]")[0])
    assert [f"hypervisor_{name}" for name in names] == sorted(OPTIONS)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_tables_have_one_shape(path: Path) -> None:
    table, model = load(path), load(ROLE / "vars/os/debian.yml")
    assert table.keys() - {"__hypervisor_virtiofsd_in"} == model.keys()
    assert table["__hypervisor_packages"] == sorted(set(table["__hypervisor_packages"]))
    assert set(table["__hypervisor_packages_by_architecture"]) == {"x86_64", "aarch64"}
    assert table["__hypervisor_package_manager"] in {"apt", "dnf"}


def test_the_hook_is_installed_where_preflight_looks() -> None:
    tasks = load(ROLE / "tasks/hook.yml")
    assert HOOK in {task.get("ansible.builtin.copy", {}).get("dest") for task in tasks}
    assert load(ROLE / "vars/main.yml")["__hypervisor_hook_file"] == HOOK


def test_each_need_has_its_step() -> None:
    text = "".join(path.read_text() for path in [*(ROLE / "tasks").glob("*.yml"), ROLE / "vars/main.yml"])
    # This one is looked at by what it is about.
    assert {need for need in RULES if f"'{need}'" not in text} == {"kvm"}
