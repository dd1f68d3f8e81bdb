# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of a domain's devices is: its items' model, how one is found again, completed and refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from .options import arguments, parse_items

# (an item before the merge, if there was one; as it is after; the list's others; the machine) -> the item
Complete = Callable[[Any, Any, Sequence[Any], str], Any]


def as_it_is(_before: Any, item: Any, _others: Sequence[Any], _machine: str) -> Any:
    return item


def fresh(**defaults: object) -> Complete:
    """What a new item has where it doesn't say otherwise."""

    def complete(before: Any, item: Any, _others: Sequence[Any], _machine: str) -> Any:
        missing = {name: entry for name, entry in defaults.items() if getattr(item, name) is None}
        return dataclasses.replace(item, **missing) if before is None else item

    return complete


def _no_rule(_path: str, _before: Any, _item: Any, _others: Sequence[Any]) -> None:
    pass


@dataclass(frozen=True)
class Items:
    """One list. key: what tells its items apart; without it only their order does.

    unique: attributes of which no two items that are stated have the same. own_parse: (stated, path) -> items.
    own_match: for each stated item the index of the observed one that it means, None for a new one.
    check: (path, before, item, the others) raises for what can't be. further: arguments that no model has.
    """

    model: type
    key: Optional[Callable[[Any], str]] = None
    unique: tuple[str, ...] = ()
    complete: Complete = as_it_is
    check: Callable[[str, Any, Any, Sequence[Any]], None] = _no_rule
    own_parse: Optional[Callable[[object, str], tuple[Any, ...]]] = None
    own_match: Optional[Callable[[Sequence[Any], Sequence[Any]], list[Optional[int]]]] = None
    further: Mapping[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> dict[str, Any]:
        """As AnsibleModule takes an item."""
        return {**arguments(self.model), **self.further}

    def parse(self, stated: object, path: str) -> tuple[Any, ...]:
        if self.own_parse is not None:
            return self.own_parse(stated, path)
        return parse_items(self.model, stated, path, unique=self.unique)

    def match(self, observed: Sequence[Any], stated: Sequence[Any]) -> list[Optional[int]]:
        if self.own_match is not None:
            return self.own_match(observed, stated)
        if self.key is None:
            return [index if index < len(observed) else None for index in range(len(stated))]
        places = {self.key(item): index for index, item in enumerate(observed) if self.key(item)}
        return [places.get(self.key(item)) for item in stated]

    def labels(self, items: Sequence[Any]) -> list[str]:
        """What each is called: by its key, or by its place in the list where that tells nothing."""
        found: list[str] = []
        for index, item in enumerate(items):
            label = self.key(item) if self.key else ""
            found.append(label if label and label not in found else str(index))
        return found
