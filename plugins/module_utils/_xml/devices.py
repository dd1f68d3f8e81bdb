# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of devices: which elements each list is, and how they are read and written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

from .._model.domain_devices import ITEMS, Filesystem
from .._model.paths import share_mount
from . import metadata
from .desktop import CHANNELS, GRAPHICS, HOSTDEVS, SERIALS, SOUNDS, VIDEOS
from .device_list import Devices
from .disks import DISKS
from .interfaces import INTERFACES
from .tree import add, ensure, get, put, remove


def _make_filesystem(root: Element, item: Filesystem) -> Element:
    name = get(root, "name") or ""
    filesystem = add(ensure(root, "devices"), "filesystem", type="mount", accessmode="passthrough")
    add(filesystem, "driver", type="virtiofs")
    add(filesystem, "source", dir=share_mount(name, item.tag))
    add(filesystem, "target", dir=item.tag)
    return filesystem


class Filesystems(Devices):
    """What the guest sees is a bind mount that the libvirt hook makes; the metadata says of what."""

    def read(self, root: Element) -> tuple[Filesystem, ...]:
        shares = metadata.shares(root)
        name = get(root, "name") or ""
        found = []
        for element in root.findall(self.elements):
            tag = get(element, "target@dir") or ""
            share = shares.get(tag) if get(element, "source@dir") == share_mount(name, tag) else None
            if share is None:
                found.append(Filesystem(tag, get(element, "source@dir"), element.find("readonly") is not None))
            else:
                found.append(Filesystem(tag, share.source, share.readonly, share.real))
        return tuple(found)

    def write(self, root: Element, before: Sequence[Any], after: Sequence[Any]) -> None:
        old = {item.tag: item for item in before}
        for element in root.findall(self.elements):
            tag = get(element, "target@dir") or ""
            item = next((item for item in after if item.tag == tag), None)
            # Made by somebody else, and now ours to say what it is: bind it as all others are.
            if item is not None and item != old.get(tag):
                put(element, "source@dir", share_mount(get(root, "name") or "", tag))
                remove(element, "readonly")
        super().write(root, before, after)
        bound = [
            metadata.BoundShare(item.tag, item.source, bool(item.readonly), item.real or item.source)
            for item, element in zip(after, root.findall(self.elements))
            if get(element, "source@dir") == share_mount(get(root, "name") or "", item.tag)
        ]
        metadata.write_shares(root, bound)


DEVICES: tuple[Devices, ...] = (
    DISKS,
    INTERFACES,
    HOSTDEVS,
    SERIALS,
    CHANNELS,
    GRAPHICS,
    VIDEOS,
    SOUNDS,
    Filesystems("filesystems", "devices/filesystem", lambda _element: {}, ITEMS["filesystems"], (), _make_filesystem),
)
