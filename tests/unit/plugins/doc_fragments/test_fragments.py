# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doc fragments say what the argument specs do, and each module says what it supports."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.burrow.vm.plugins.doc_fragments import _attributes, _libvirt, _store, _transfer, _trust
from ansible_collections.burrow.vm.plugins.module_utils._model.arguments import LIBVIRT, STORE, TRANSFER, TRUST

PREFIX = "burrow.vm."
ATTRIBUTES = _attributes.ModuleDocFragment
MODULES = sorted(Path(__file__).resolve().parents[4].glob("plugins/modules/[!_]*.py"))


def documentation(path: Path) -> dict[str, Any]:
    """A module's own, without its fragments."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION":
            own: dict[str, Any] = yaml.safe_load(ast.literal_eval(node.value))
            return own
    raise AssertionError(f"{path} has no DOCUMENTATION")


def attributes(own: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A module's attributes, what it says itself before what fragments say."""
    name = f"{PREFIX}_attributes"
    merged: dict[str, dict[str, Any]] = {key: dict(entry) for key, entry in own.get("attributes", {}).items()}
    for fragment in own["extends_documentation_fragment"]:
        if fragment == name or fragment.startswith(f"{name}."):
            section = fragment[len(name) + 1 :].upper() or "DOCUMENTATION"
            for key, entry in yaml.safe_load(getattr(ATTRIBUTES, section))["attributes"].items():
                merged[key] = {**entry, **merged.get(key, {})}
    return merged


@pytest.mark.parametrize(
    ("fragment", "options"),
    [(_libvirt, LIBVIRT), (_store, STORE), (_transfer, TRANSFER), (_trust, TRUST)],
    ids=["libvirt", "store", "transfer", "trust"],
)
def test_fragments_and_argument_specs_agree(fragment: Any, options: dict[str, dict[str, Any]]) -> None:
    documented = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    assert {
        name: {key: item for key, item in entry.items() if key != "description"} for name, entry in documented.items()
    } == {name: {key: item for key, item in entry.items() if key != "no_log"} for name, entry in options.items()}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_each_module_says_what_it_supports(path: Path) -> None:
    stated = attributes(documentation(path))
    for name in ("check_mode", "diff_mode", "idempotent"):
        assert stated[name]["description"]
        assert stated[name]["support"] in {"full", "partial", "none", "N/A"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_only_fragments_have_the_defaults_of_shared_options(path: Path) -> None:
    options = documentation(path)["options"]
    assert [name for name in ("uri", "data") if "default" in options.get(name, {})] == []
