# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the definition of a running guest tells of what can be plugged into it, and the elements of its devices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional
from xml.etree.ElementTree import Element

from .._model.domain_devices import key
from . import forwards
from .devices import DEVICES
from .tree import get, parse, put, remove, serialize

# Ways to plug a device in: a place of its own on PCI, one on an older bus, or a port of a controller.
PCI, CONVENTIONAL, SCSI, USB, FIXED = "pci", "conventional", "scsi", "usb", "fixed"

_DISK_BUSES = {"virtio": PCI, "scsi": SCSI, "usb": USB}
# These QEMU emulates as conventional PCI devices, which no PCI Express port takes.
_CONVENTIONAL = frozenset({"e1000", "rtl8139", "ne2k_pci", "pcnet"})
_SLOTS = range(1, 32)


@dataclass(frozen=True)
class Places:
    """What a running guest has room for. ports: free places on PCI. express: they are PCI Express ports.

    controllers: the types it has. forwarding, balloon: whether it has the NIC of forwards, and a balloon.
    """

    ports: int
    express: bool
    controllers: frozenset[str]
    forwarding: bool
    balloon: bool


def places(text: str) -> Places:
    root = parse(text)
    models = [item.get("model") or "" for item in root.findall("devices/controller[@type='pci']")]
    express = "pci-root" not in models
    controllers = root.findall("devices/controller")
    return Places(
        ports=len(_free_ports(root) if express else _free_slots(root)),
        express=express,
        controllers=frozenset(item.get("type") or "" for item in controllers if item.get("model") != "none"),
        forwarding=bool(forwards.read(root)),
        balloon=get(root, "devices/memballoon@model") not in (None, "none"),
    )


def _addresses(root: Element) -> Iterator[Element]:
    return root.iterfind("devices/*/address[@type='pci']")


def _free_ports(root: Element) -> set[int]:
    """The buses behind root ports on which nothing is. A device on one takes it for itself."""
    ports = root.findall("devices/controller[@model='pcie-root-port']")
    taken = {int(address.get("bus", "0"), 16) for address in _addresses(root)}
    return {int(port.get("index", "0")) for port in ports} - taken


def _free_slots(root: Element) -> set[int]:
    on_root = [address for address in _addresses(root) if int(address.get("bus", "0"), 16) == 0]
    return set(_SLOTS) - {int(address.get("slot", "0"), 16) for address in on_root}


def _find(root: Element, name: str, wanted: str) -> Optional[Element]:
    devices = next(item for item in DEVICES if item.attribute == name)
    for item, element in zip(devices.read(root), root.findall(devices.elements)):
        if key(item) == wanted:
            return element
    return None


def way(text: str, name: str, wanted: str) -> str:
    """How a device of a definition could be plugged in."""
    element = _find(parse(text), name, wanted)
    if element is None:
        return FIXED
    if name == "disks" and element.get("device", "disk") != "disk":
        return FIXED
    if name == "disks":
        return _DISK_BUSES.get(get(element, "target@bus") or "", FIXED)
    if name == "hostdevs":
        return {"pci": PCI, "usb": USB}.get(element.get("type") or "", FIXED)
    return CONVENTIONAL if (get(element, "model@type") or "") in _CONVENTIONAL else PCI


def device(text: str, name: str, wanted: str) -> Optional[str]:
    """The element of a device, or None when the definition has no such device. name: of the list."""
    element = _find(parse(text), name, wanted)
    return None if element is None else serialize(element)


def changed_device(text: str, name: str, wanted: str) -> str:
    """The element of a device of a running guest in which something else was written."""
    element = _find(parse(text), name, wanted)
    if element is None:
        raise LookupError(wanted)
    # Of the port on the former network, and of the node of the former media.
    for attribute in ("portid", "bridge") if element.get("type") == "network" else ("index",):
        put(element, f"source@{attribute}", None)
    return serialize(element)


def with_password(element: str, password: Optional[str]) -> str:
    """Graphics with another password, or none."""
    root = parse(element)
    put(root, "@passwd", password)
    return serialize(root)


def new_device(text: str, name: str, wanted: str, running: str, defined: str) -> str:
    """The element of a device to plug in, as it stands in text. It gets the address that it has in the persistent
    definition (defined), where that is free in the running guest: then it doesn't move at the next start.
    """
    element = _find(parse(text), name, wanted)
    if element is None:
        raise LookupError(wanted)
    remove(element, "address")
    lasting = _find(parse(defined), name, wanted)
    address = None if lasting is None else lasting.find("address[@type='pci']")
    if address is not None and int(address.get("bus", "0"), 16) in _free_ports(parse(running)):
        element.append(address)
    return serialize(element)


def unsaved(text: str) -> str:
    """Why the memory of this running guest can't be saved; nothing when it can.

    QEMU has no way to save what virtiofsd holds open for the guest, nor what a device of the host does.
    """
    root = parse(text)
    if root.find("devices/filesystem/driver[@type='virtiofs']") is not None:
        return "it has virtiofs shares"
    return "it has devices of the host" if root.find("devices/hostdev") is not None else ""
