# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role profile_dev: its defaults, its argument specs and its tables name the same kinds of tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles/profile_dev"


def load(name: str) -> Any:
    return yaml.safe_load((ROLE / name).read_text())


OPTIONS = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
TABLE: dict[str, dict[str, list[str]]] = load("vars/main.yml")["__profile_dev_table"]
LINKS: dict[str, dict[str, list[dict[str, str]]]] = load("vars/main.yml")["__profile_dev_links"]


def test_defaults_agree_with_the_argument_specs() -> None:
    assert load("defaults/main.yml") == {name: option["default"] for name, option in OPTIONS.items()}


def test_every_kind_is_on_by_default() -> None:
    assert OPTIONS["profile_dev_tools"]["choices"] == OPTIONS["profile_dev_tools"]["default"]


@pytest.mark.parametrize("distribution", TABLE)
def test_every_distribution_has_every_kind(distribution: str) -> None:
    assert list(TABLE[distribution]) == OPTIONS["profile_dev_tools"]["choices"]
    packages = [package for kind in TABLE[distribution].values() for package in kind]
    assert sorted(set(packages)) == sorted(packages), "a package is listed twice"


@pytest.mark.parametrize("distribution", LINKS)
def test_links_belong_to_a_kind_of_the_distribution(distribution: str) -> None:
    assert set(LINKS[distribution]) <= set(TABLE[distribution])
