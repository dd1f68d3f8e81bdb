# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks and drives."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any, Optional
from xml.etree.ElementTree import Element

from .._model import domain_disks as model
from .._model.domain_disks import Disk, is_block_device
from .device_list import Devices
from .rows import Special, flag, rows
from .tree import add, ensure, get, put, remove


def _read_source(disk: Element) -> Optional[str]:
    """A volume of a pool, or one of a network, has no path."""
    return get(disk, "source@file") or get(disk, "source@dev")


def _write_source(disk: Element, source: Optional[str]) -> None:
    remove(disk, "backingStore")
    if source is None:
        remove(disk, "source")
        return
    kind, attribute = ("block", "dev") if is_block_device(source) else ("file", "file")
    if disk.get("type") != kind:
        # What else stood there was said of a source of another type.
        remove(disk, "source")
        disk.set("type", kind)
    put(disk, f"source@{attribute}", source)


def _write_bus(disk: Element, bus: Optional[str]) -> None:
    """An address is one on a bus; libvirt gives another."""
    if get(disk, "target@bus") not in (None, bus):
        remove(disk, "address")
    put(disk, "target@bus", bus)


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
    disk = add(ensure(root, "devices"), "disk", type="file")
    add(disk, "driver", name="qemu")
    add(disk, "target")
    put(disk, "serial", item.name)
    return disk


class Disks(Devices):
    """A disk's name is its serial number; where it has none, or shares it, its target."""

    def read(self, root: Element) -> tuple[Disk, ...]:
        disks = super().read(root)
        counts = Counter(disk.name for disk in disks)
        return tuple(
            dataclasses.replace(disk, name=disk.target or "") if counts[disk.name] > 1 else disk for disk in disks
        )

    def write(self, root: Element, before: Sequence[Any], after: Sequence[Any]) -> None:
        sources = {disk.name: disk.source for disk in after}
        # Format and image in the XML may be those of a snapshot's overlay: of another file they are written anew.
        known = [
            disk if sources.get(disk.name) == disk.source else dataclasses.replace(disk, format=None, base=None)
            for disk in before
        ]
        super().write(root, known, after)
        for disk in root.findall(self.elements):
            limits = disk.find("iotune")
            if limits is not None and not len(limits):
                disk.remove(limits)
        new = {disk.bus for disk in after if disk not in before}
        if "scsi" in new and root.find("devices/controller[@type='scsi']") is None:
            # libvirt's own choice on a PC is an LSI 53C895A, for which few kernels of today have a driver.
            add(ensure(root, "devices"), "controller", type="scsi", index="0", model="virtio-scsi")
        if "usb" in new:
            allow_usb(root)


def allow_usb(root: Element) -> None:
    """New domains have no USB; what is on its bus needs it."""
    controller = root.find("devices/controller[@type='usb']")
    if controller is not None and controller.get("model") == "none":
        controller.set("model", "qemu-xhci")


DISKS = Disks(
    "disks",
    "devices/disk",
    lambda disk: {"name": get(disk, "serial") or get(disk, "target@dev") or ""},
    model.DISKS,
    rows(
        Disk,
        {
            "source": Special(_read_source, _write_source),
            "bus": Special(write=_write_bus),
            "readonly": flag("readonly"),
            "shareable": flag("shareable"),
            "base": Special(lambda disk: get(disk, "backingStore/source@file"), _write_base),
        },
    ),
    _make_disk,
)
