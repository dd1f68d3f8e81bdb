# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain's disks as they are without the overlays of its external snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional
from xml.etree.ElementTree import Element

from .tree import add, get, parse, put, remove, serialize

# File -> the file and format that the disk had before any snapshot; None for a file that is no overlay of ours.
Origins = Callable[[str], Optional[tuple[str, str]]]


def beneath(text: str, origins: Origins) -> str:
    """The definition with each disk on its own file again, and what is below that as it is written there."""
    root = parse(text)
    changed = False
    for disk in root.findall("devices/disk"):
        origin = origins(get(disk, "source@file") or "")
        if origin is not None:
            _lift(disk, *origin)
            changed = True
    return serialize(root) if changed else text


def _lift(disk: Element, file: str, kind: str) -> None:
    node: Optional[Element] = disk.find("backingStore")
    while node is not None and get(node, "source@file") != file:
        node = node.find("backingStore")
    source = None if node is None else node.find("source")
    deeper = None if node is None else node.find("backingStore")
    remove(disk, "backingStore")
    remove(disk, "source")
    if source is None:
        add(disk, "source", file=file)
    else:
        disk.append(source)
    if deeper is not None:
        disk.append(deeper)
    put(disk, "driver@type", kind)
