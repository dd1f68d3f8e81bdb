# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each field of a domain is taken, compared, shown and documented, and has an impact.

That each is written to XML and read from it is shown by the golden files (`test_domain_xml`).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.burrow.vm.plugins.doc_fragments import _domain, _domain_lists
from ansible_collections.burrow.vm.plugins.module_utils._diff import IMPACTS
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import ARGUMENTS, Definition, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_devices import ITEMS, LISTS
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create, facets, view
from ansible_collections.burrow.vm.plugins.module_utils._model.forward import Forward
from ansible_collections.burrow.vm.plugins.module_utils._model.options import Option, arguments, options
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_compare import compare
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_samples import SAMPLES

MODULES = Path(__file__).resolve().parents[4] / "plugins/modules"
FIELDS = dict(options(Definition))
# What a domain is told by besides its options, and by what means it is not told.
OTHERS = {"name", "uuid", "state", "owned", "created"}
NOT_SHOWN = {"xml"}
# Not in the XML, so that no golden file has it.
ELSEWHERE = {"autostart": True}


def with_field(attribute: str) -> Any:
    """A value of it, from the samples."""
    held = [getattr(create(parse(params)), attribute) for _architecture, params in SAMPLES.values()]
    return ELSEWHERE.get(attribute) or next(value for value in held if value not in (None, ()))


def documented(fragment: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    return found


def without_words(documented: dict[str, Any]) -> dict[str, Any]:
    """Documentation as an argument spec."""
    found: dict[str, Any] = {}
    for name, entry in documented.items():
        assert entry["description"], name
        found[name] = {key: item for key, item in entry.items() if key not in ("description", "suboptions")}
        if "suboptions" in entry:
            found[name]["options"] = without_words(entry["suboptions"])
    return found


def without_secrecy(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """An argument spec without what documentation has no word for."""
    found = {name: {key: item for key, item in entry.items() if key != "no_log"} for name, entry in arguments.items()}
    for entry in found.values():
        if "options" in entry:
            entry["options"] = without_secrecy(entry["options"])
    return found


def returned(module: str, noun: str) -> set[str]:
    """The documented keys of a module's result."""
    for node in ast.parse((MODULES / f"{module}.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RETURN":
            return set(yaml.safe_load(ast.literal_eval(node.value))[noun]["contains"])
    raise AssertionError(f"{module} has no RETURN")


def test_what_is_documented_is_what_is_taken() -> None:
    assert without_words({**documented(_domain), **documented(_domain_lists)}) == without_secrecy(ARGUMENTS)
    assert set(documented(_domain_lists)) == set(LISTS)
    assert set(documented(_domain)) == set(arguments(Definition))


def test_what_is_documented_is_what_is_shown() -> None:
    shown = set(view("a", Definition(), "stopped", "u"))
    assert shown == {*ARGUMENTS, *OTHERS} - NOT_SHOWN
    assert returned("domain", "domain") == shown
    # What it tells besides is test_domain_info's.
    assert returned("domain_info", "domains") >= shown


@pytest.mark.parametrize(("attribute", "option"), FIELDS.items(), ids=FIELDS)
def test_each_field_is_compared(attribute: str, option: Option) -> None:
    after = Definition(**{attribute: with_field(attribute)})
    changes = compare(Definition(), after)
    assert changes
    for change in changes:
        assert change.path.startswith(option.path)
        # A leaf of a fragment has no row of its own, and needs what the fragment does.
        assert change.impact == option.impact
    assert compare(after, after) == ()


@pytest.mark.parametrize(("attribute", "option"), FIELDS.items(), ids=FIELDS)
def test_each_field_has_an_impact(attribute: str, option: Option) -> None:
    assert option.impact in IMPACTS, attribute


@pytest.mark.parametrize("name", LISTS)
def test_each_field_of_an_item_is_shown_and_has_an_impact(name: str) -> None:
    model = ITEMS[name].model
    if model is Forward:
        return
    assert all(option.impact in IMPACTS for _attribute, option in options(model))
    item = with_field(name)[0]
    held: dict[str, Any] = {name: (item,)}
    found = next(iter(facets(Definition(**held)).values()))
    stated = {option.path for attribute, option in options(model) if getattr(item, attribute) is not None}
    assert isinstance(found, dict)
    assert set(found) == stated
