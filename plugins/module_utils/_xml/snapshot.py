# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots: libvirt's XML of them, and a disk's chain of files in the definition of a domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Optional
from xml.etree.ElementTree import Element

from .._model.snapshot import EXTERNAL, INTERNAL, Disk, Snapshot, SnapshotDisk
from .overlays import lift
from .tree import add, ensure, get, parse, put, remove, serialize

_AGENT = "devices/channel/target[@name='org.qemu.guest_agent.0'][@state='connected']"
# The definition of the running guest, and beside it, where the two differ, the persistent one.
_DEFINITIONS = ("domain", "inactiveDomain")


@dataclass(frozen=True)
class Facts:
    """What of a domain's definition decides about its snapshots. nvram: the format of its variable store.

    unsaveable: devices whose state can't be saved with the memory, in words.
    """

    uuid: str = ""
    disks: tuple[Disk, ...] = ()
    nvram: Optional[str] = None
    agent: bool = False
    unsaveable: tuple[str, ...] = ()


def read(text: str, *, current: bool = False) -> Snapshot:
    root = parse(text)
    disks = tuple(_snapshot_disk(disk) for disk in root.findall("disks/disk"))
    memory = get(root, "memory@snapshot") or "no"
    parts = {disk.kind for disk in disks} | {memory}
    return Snapshot(
        name=get(root, "name") or "",
        state=get(root, "state") or "",
        kind=EXTERNAL if EXTERNAL in parts else INTERNAL,
        memory=memory != "no",
        created=int(get(root, "creationTime") or 0),
        current=current,
        parent=get(root, "parent/name"),
        description=get(root, "description"),
        disks=tuple(disk for disk in disks if disk.kind != "no"),
        memory_file=get(root, "memory@file"),
    )


def _snapshot_disk(disk: Element) -> SnapshotDisk:
    return SnapshotDisk(disk.get("name", ""), disk.get("snapshot", EXTERNAL), get(disk, "source@file"))


def facts(text: str) -> Facts:
    """text: the definition of the running guest, or of one that is stopped."""
    root = parse(text)
    return Facts(
        uuid=get(root, "uuid") or "",
        disks=tuple(_disk(disk) for disk in root.findall("devices/disk")),
        nvram=_nvram(root),
        agent=root.find(_AGENT) is not None,
        unsaveable=tuple(_unsaveable(root)),
    )


def _disk(disk: Element) -> Disk:
    kind = disk.get("type", "")
    target = get(disk, "target@dev") or ""
    # The other types name their source in other ways (dev, name, volume); what matters is that there is one.
    other = None if disk.find("source") is None else kind
    return Disk(
        name=get(disk, "serial") or target,
        target=target,
        type=kind,
        source=get(disk, "source@file") if kind == "file" else other,
        format=get(disk, "driver@type") or "raw",
        readonly=disk.find("readonly") is not None or disk.get("device", "disk") != "disk",
        job=disk.find("mirror") is not None,
    )


def _nvram(root: Element) -> Optional[str]:
    if get(root, "os@firmware") != "efi" and get(root, "os/loader@type") != "pflash":
        return None
    # Without the attribute it is raw (libvirt 8.5 and later write it).
    return get(root, "os/nvram@format") or get(root, "os/loader@format") or "raw"


def _unsaveable(root: Element) -> Iterator[str]:
    for filesystem in root.findall("devices/filesystem"):
        if get(filesystem, "driver@type") == "virtiofs":
            yield f"the virtiofs share {get(filesystem, 'target@dir')}"
    for device in root.findall("devices/hostdev"):
        if device.get("mode") == "subsystem" and device.get("type") in ("pci", "mdev"):
            yield f"a {device.get('type')} device of the host"


def chain(text: str, target: str) -> tuple[str, ...]:
    """The files of a disk from the one that is written downwards, as far as the definition names them."""
    disk = _of_target(parse(text), target)
    found = []
    while disk is not None:
        file = get(disk, "source@file")
        if file is None:
            break
        found.append(file)
        disk = disk.find("backingStore")
    return tuple(found)


def _of_target(root: Element, target: str) -> Optional[Element]:
    disks = root.findall("devices/disk")
    return next((disk for disk in disks if get(disk, "target@dev") == target), None)


# -- what is asked of libvirt


def build(snapshot: Snapshot, others: tuple[str, ...]) -> str:
    """XML for a new snapshot. others are the targets of the disks that are left out."""
    root = Element("domainsnapshot")
    put(root, "name", snapshot.name)
    put(root, "description", snapshot.description)
    put(root, "memory@snapshot", snapshot.kind if snapshot.memory else "no")
    put(root, "memory@file", snapshot.memory_file)
    disks = ensure(root, "disks")
    for item in snapshot.disks:
        disk = add(disks, "disk", name=item.target, snapshot=item.kind)
        if item.file is not None:
            disk.set("type", "file")
            add(disk, "driver", type="qcow2")
            add(disk, "source", file=item.file)
    for target in others:
        add(disks, "disk", name=target, snapshot="no")
    return serialize(root)


def noted(snapshot: Snapshot, others: tuple[str, ...], domain: str, inactive: Optional[str]) -> str:
    """XML for a snapshot that was made, and that libvirt doesn't know: with the domain as it was, before it."""
    root = parse(build(snapshot, others))
    put(root, "state", snapshot.state)
    put(root, "creationTime", str(snapshot.created))
    put(root, "parent/name", snapshot.parent)
    for name, text in zip(_DEFINITIONS, (domain, inactive)):
        if text is not None:
            definition_then = parse(text)
            definition_then.tag = name
            root.append(definition_then)
    return serialize(root)


def described(text: str, description: Optional[str]) -> str:
    root = parse(text)
    put(root, "description", description)
    return serialize(root)


def definition(text: str, *, inactive: bool) -> str:
    """The domain as it was when the snapshot was taken: as it ran, or its persistent definition."""
    root = parse(text)
    found = root.find("inactiveDomain") if inactive else None
    domain = root.find("domain") if found is None else found
    if domain is None:
        return ""
    domain.tag = "domain"
    return serialize(domain)


# -- a file goes out of a disk's chain, or comes on top of it


def without(text: str, target: str, overlay: str, frozen: str, kind: str) -> str:
    """The domain, or a snapshot's definitions of it, with the file below an overlay in the overlay's place.

    kind: the format of the file below. The text is given back as it is where the overlay isn't mentioned.
    """
    root = parse(text)
    changed = False
    for disk in _disks_named(root, target):
        node: Optional[Element] = disk
        while node is not None:
            if get(node, "source@file") == overlay:
                lift(node, frozen, kind)
                changed = True
            node = node.find("backingStore")
    return serialize(root) if changed else text


def _disks_named(root: Element, target: str) -> Iterator[Element]:
    """The disk in a domain's definition, or in each that a snapshot keeps."""
    holders = [root] if root.tag == "domain" else [root.find(name) for name in _DEFINITIONS]
    for holder in holders:
        disk = None if holder is None else _of_target(holder, target)
        if disk is not None:
            yield disk


def on_top(text: str, target: str, frozen: str, overlay: str, kind: str) -> str:
    """The domain with a qcow2 overlay over a disk's file. kind: the format of that file."""
    root = parse(text)
    disk = _of_target(root, target)
    source = None if disk is None else disk.find("source")
    if disk is None or source is None or source.get("file") != frozen:
        return text
    deeper = disk.find("backingStore")
    remove(disk, "backingStore")
    remove(disk, "source")
    add(disk, "source", file=overlay)
    store = add(disk, "backingStore", type="file")
    add(store, "format", type=kind)
    # Only in the definition of a running guest.
    source.attrib.pop("index", None)
    store.append(source)
    if deeper is not None:
        store.append(deeper)
    put(disk, "driver@type", "qcow2")
    return serialize(root)


def relocated(text: str, files: Mapping[str, str]) -> str:
    """A snapshot whose overlays are other files: old -> new."""
    root = parse(text)
    for source in root.findall("disks/disk/source"):
        source.set("file", files.get(source.get("file", ""), source.get("file", "")))
    return serialize(root)
