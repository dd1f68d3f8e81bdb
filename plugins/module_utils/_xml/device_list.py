# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of devices: each item of a model is one element, found again by its label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from .._model.items import Items
from .tree import Row, ensure


@dataclass(frozen=True)
class Devices:
    """elements: a path below the root. identify: element -> the item's own words. make: a new, bare element."""

    attribute: str
    elements: str
    identify: Callable[[Element], dict[str, Any]]
    items: Items
    rows: Sequence[Row]
    make: Callable[[Element, Any], Element]

    def read(self, root: Element) -> tuple[Any, ...]:
        return tuple(self.item(element) for element in root.findall(self.elements))

    def item(self, element: Element) -> Any:
        values = {field.attribute: field.read(element) for field in self.rows}
        return self.items.model(**self.identify(element), **values)

    def write(self, root: Element, before: Sequence[Any], after: Sequence[Any]) -> None:
        """Write only what differs. The items of before are those that read() gave, in their order."""
        elements = dict(zip(self.items.labels(before), root.findall(self.elements)))
        old = dict(zip(self.items.labels(before), before))
        for label, item in zip(self.items.labels(after), after):
            element = elements.pop(label, None)
            if element is None:
                element = self.make(root, item)
            for field in self.rows:
                value = getattr(item, field.attribute)
                if value != getattr(old.get(label), field.attribute, None):
                    field.write(element, value)
        for element in elements.values():
            ensure(root, "devices").remove(element)
