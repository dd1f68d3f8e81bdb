# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain as modules return it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .domain import LISTS, Definition, options

# libvirt tells apart what nobody acts on differently.
_STATES = {"blocked": "running", "shutdown": "running"}


def view(name: str, definition: Definition, state: str, uuid: str) -> dict[str, object]:
    """All that the model knows, in the shape of the options; what is absent reads null."""
    found: dict[str, Any] = {"name": name, "uuid": uuid, "state": _STATES.get(state, state)}
    for attribute, option in options(Definition):
        head, _, tail = option.path.partition(".")
        held = getattr(definition, attribute)
        plain = list(held) if isinstance(held, tuple) else held
        if tail:
            found.setdefault(head, {})[tail] = plain
        else:
            found[head] = plain
    if definition.kernel is None:
        found["kernel"] = None
    for name_of_list in LISTS:
        found[name_of_list] = [dataclasses.asdict(item) for item in getattr(definition, name_of_list) or ()]
    found["metadata"] = _nested(definition.metadata or {})
    found["owned"] = definition.owned
    found["created"] = definition.created
    return found


def _nested(flat: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"digests": {}}
    for path, entry in flat.items():
        head, _, tail = path.partition(".")
        if tail:
            found[head][tail] = entry
        else:
            found[head] = entry
    return found
