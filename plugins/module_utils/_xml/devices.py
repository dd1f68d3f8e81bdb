# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of devices: each item of a model is one element, found again by its key."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Optional
from xml.etree.ElementTree import Element

from .._model.domain_devices import Disk, Filesystem, Interface, key
from .._model.paths import share_mount
from . import metadata
from .rows import Special, flag, rows
from .tree import Row, add, ensure, get, parse, put, remove


@dataclass(frozen=True)
class Devices:
    """elements: a path below the root. identify: element -> the item's own words. make: a new, bare element."""

    attribute: str
    elements: str
    identify: Callable[[Element], dict[str, str]]
    kind: Callable[..., Any]
    rows: Sequence[Row]
    make: Callable[[Element, Any], Element]

    def read(self, root: Element) -> tuple[Any, ...]:
        return tuple(self._item(element) for element in root.findall(self.elements))

    def _item(self, element: Element) -> Any:
        values = {field.attribute: field.read(element) for field in self.rows}
        return self.kind(**self.identify(element), **values)

    def write(self, root: Element, before: Sequence[Any], after: Sequence[Any]) -> None:
        """Write only what differs. The items of before are those that read() gave, in their order."""
        elements = dict(zip((key(item) for item in before), root.findall(self.elements)))
        old = {key(item): item for item in before}
        for item in after:
            element = elements.pop(key(item), None)
            if element is None:
                element = self.make(root, item)
            for field in self.rows:
                value = getattr(item, field.attribute)
                if value is not None and value != getattr(old.get(key(item)), field.attribute, None):
                    field.write(element, value)
        for element in elements.values():
            ensure(root, "devices").remove(element)


def _write_base(disk: Element, base: Optional[str]) -> None:
    """The backing chain, written out: else libvirt's DAC driver gives the image to QEMU's user as well."""
    remove(disk, "backingStore")
    if base is None:
        return
    store = add(disk, "backingStore", type="file")
    add(store, "format", type="qcow2")
    source = add(store, "source", file=base)
    add(source, "seclabel", model="dac", relabel="no")
    # An empty element ends the chain: libvirt doesn't look into the file.
    add(store, "backingStore")


def _make_disk(root: Element, item: Disk) -> Element:
    used = {target.get("dev") for target in root.findall("devices/disk/target")}
    letters = string.ascii_lowercase
    names = (f"vd{''.join(suffix)}" for length in (1, 2) for suffix in product(letters, repeat=length))
    disk = add(ensure(root, "devices"), "disk", type="file", device="disk")
    add(disk, "driver", name="qemu")
    if not item.readonly:
        put(disk, "driver@discard", "unmap")
    add(disk, "target", dev=next(name for name in names if name not in used), bus="virtio")
    put(disk, "serial", item.name)
    return disk


def _read_network_source(interface: Element) -> Optional[str]:
    return get(interface, f"source@{interface.get('type')}")


def _write_network_source(interface: Element, source: Optional[str]) -> None:
    put(interface, f"source@{interface.get('type')}", source)


def _write_type(interface: Element, kind: Optional[str]) -> None:
    """Another type has another attribute for the same word."""
    word = _read_network_source(interface)
    remove(interface, "source")
    put(interface, "@type", kind)
    if word is not None:
        _write_network_source(interface, word)


def _make_filesystem(root: Element, item: Filesystem) -> Element:
    name = get(root, "name") or ""
    filesystem = add(ensure(root, "devices"), "filesystem", type="mount", accessmode="passthrough")
    add(filesystem, "driver", type="virtiofs")
    add(filesystem, "source", dir=share_mount(name, item.tag))
    add(filesystem, "target", dir=item.tag)
    # vhost-user: virtiofsd has to see the guest's memory.
    if get(root, "memoryBacking/access@mode") != "shared":
        put(root, "memoryBacking/access@mode", "shared")
    if root.find("memoryBacking/source") is None:
        put(root, "memoryBacking/source@type", "memfd")
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


DEVICES = (
    Devices(
        "disks",
        "devices/disk",
        lambda disk: {"name": get(disk, "serial") or get(disk, "target@dev") or ""},
        Disk,
        rows(
            Disk,
            {
                "readonly": flag("readonly"),
                "base": Special(lambda disk: get(disk, "backingStore/source@file"), _write_base),
            },
        ),
        _make_disk,
    ),
    Devices(
        "interfaces",
        "devices/interface",
        lambda _interface: {},
        Interface,
        rows(
            Interface,
            {
                "type": Special(lambda interface: interface.get("type"), _write_type),
                "source": Special(_read_network_source, _write_network_source),
            },
        ),
        lambda root, _item: add(ensure(root, "devices"), "interface", type="network"),
    ),
    Filesystems("filesystems", "devices/filesystem", lambda _element: {}, Filesystem, (), _make_filesystem),
)
_INTERFACES = next(devices for devices in DEVICES if devices.kind is Interface)


def interfaces(text: str) -> tuple[Interface, ...]:
    """Those of a definition, where nothing else of it is asked for."""
    return tuple(_INTERFACES.read(parse(text))) if text else ()
