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
            lift(disk, *origin)
            changed = True
    return serialize(root) if changed else text


def lift(node: Element, file: str, kind: str) -> None:
    """Put a file of the chain below a disk, or below a file of its chain, in the place of what is there.

    What is below the file comes with it. kind: the file's format.
    """
    below: Optional[Element] = node.find("backingStore")
    while below is not None and get(below, "source@file") != file:
        below = below.find("backingStore")
    source = None if below is None else below.find("source")
    deeper = None if below is None else below.find("backingStore")
    remove(node, "backingStore")
    remove(node, "source")
    if source is None:
        add(node, "source", file=file)
    else:
        node.append(source)
    if deeper is not None:
        node.append(deeper)
    put(node, "driver@type" if node.tag == "disk" else "format@type", kind)
