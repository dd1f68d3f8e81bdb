# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of a table: an attribute of a model and its place in a tree, both ways. They follow from the model's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Optional
from xml.etree.ElementTree import Element

from .._model.options import options
from .tree import Row, ensure, remove, row


@dataclass(frozen=True)
class Special:
    """How an option is read or written whose place in the XML is no single one. None: as its place says."""

    read: Optional[Callable[[Element], Any]] = None
    write: Optional[Callable[[Element, Any], None]] = None


def rows(model: type, special: Mapping[str, Special]) -> tuple[Row, ...]:
    """A row for each option of a model that is in the XML: as special says, else by its place."""
    found = []
    for attribute, option in options(model):
        own = special.get(attribute)
        if own or option.place:
            plain = row(attribute, option.place or "", option.kind.read, option.default, option.kind.write)
            found.append(plain if own is None else Row(attribute, own.read or plain.read, own.write or plain.write))
    return tuple(found)


def flag(path: str) -> Special:
    """For a value that is whether an empty element is there."""

    def write(root: Element, value: Any) -> None:
        remove(root, path)
        if value:
            ensure(root, path)

    return Special(lambda root: root.find(path) is not None, write)
