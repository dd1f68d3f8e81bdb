# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two definitions of a domain against each other, and what is asked for against itself: pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .._diff import LIVE, RESTART, Change, changes
from .._errors import SpecError
from .._model.domain import Definition
from .._model.domain_merge import facets, impacts, merge
from .._model.domain_request import Request
from .._model.domain_rules import check
from .._xml import domain as xml


def compare(before: Definition, after: Definition) -> tuple[Change, ...]:
    """All that differs; of an item of a list that stays, just the fields that do."""
    old, new = _expanded(facets(before), facets(after)), _expanded(facets(after), facets(before))
    known = impacts()
    effect: dict[str, str] = {path: _impact(path, known) for path in {*old, *new}}
    found = list(changes(new, old, effect))
    found += [Change(path, old[path], None, effect[path]) for path in old if path not in new]
    return tuple(found)


def _impact(path: str, known: Mapping[str, str]) -> str:
    # Items of lists are devices; notes in the metadata are read by nobody but us.
    return known.get(path, LIVE if path.startswith("metadata.") else RESTART)


def _expanded(held: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, entry in held.items():
        if isinstance(entry, Mapping) and path in other:
            found.update({f"{path}.{name}": inner for name, inner in entry.items()})
        else:
            found[path] = entry
    return found


def check_machine(stated: Definition, wanted: Definition) -> None:
    """Refuse what the machine can't have; of a domain that others made only what is asked for."""
    check(stated, wanted)
    machine = wanted.machine or ""
    if wanted.iommu == "intel" and (stated.iommu or stated.machine) and not machine.startswith(("q35", "pc-q35")):
        raise SpecError("iommu", f"machine {machine} has no Intel IOMMU", "Choose machine q35, or iommu none.")
    if stated.pcie_root_ports and (machine == "pc" or machine.startswith("pc-i440fx")):
        problem = f"machine {machine} has no PCI Express"
        raise SpecError("pcie_root_ports", problem, "Choose machine q35, or leave pcie_root_ports out.")


def with_fragment(request: Request, architecture: str, text: str, before: Definition, after: Definition) -> Definition:
    """after, as it becomes by the fragment of XML that is asked for too; a contradiction between the two is refused.

    text and before are the domain's; for a new one the text is empty.
    """
    if request.fragment is None:
        return after
    if text:
        made = xml.edit(text, before, after, request.fragment)
    else:
        made = xml.build(request.name, architecture, after, "", request.fragment)
    try:
        found = xml.read(made, request.fragment)
    except (ValueError, KeyError) as error:
        raise SpecError("xml", f"it holds a wrong number or unit ({error})", "Write it as libvirt does.") from None
    # Whether it starts with the host is not in the XML.
    stated = dataclasses.replace(request.stated, autostart=None)
    for change in compare(found, merge(found, stated, request.purge)):
        problem = f"it contradicts {change.path}, which is {change.after}, and by the XML {change.before}"
        raise SpecError("xml", problem, "State it in one of the two.", "contradiction")
    return dataclasses.replace(found, autostart=after.autostart, owned=after.owned, created=after.created)
