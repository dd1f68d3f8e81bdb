# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of the host, serial ports and channels, graphics, video and sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Optional, Union
from xml.etree.ElementTree import Element

from .._model import domain_desktop as model
from .._model.domain_desktop import NAMED, Channel, Graphics, Hostdev, Serial, Sound, Video
from .._model.domain_values import AUTO, NONE
from .device_list import Devices
from .disks import allow_usb
from .rows import Special, rows
from .tree import add, ensure, get, put, remove

# Where libvirt puts the sockets of a running guest's channels of which nothing else is said.
_CHOSEN = "/libvirt/qemu/channel/"
_PCI = ("domain", "bus", "slot", "function")


def _read_other_side(device: Element) -> Optional[str]:
    kind = device.get("type")
    if kind == "tcp":
        host, service = get(device, "source@host"), get(device, "source@service")
        return f"{host}:{service}" if host and service else None
    path = get(device, "source@path") if kind in NAMED else None
    return None if path is None or _CHOSEN in path else path


def _write_other_side(device: Element, side: Optional[str]) -> None:
    if side is None:
        remove(device, "source")
    elif device.get("type") == "tcp":
        host, _colon, service = side.rpartition(":")
        put(device, "source@host", host)
        put(device, "source@service", service)
    else:
        put(device, "source@path", side)
    if side is not None and device.get("type") != "file" and get(device, "source@mode") is None:
        put(device, "source@mode", "bind")


def _write_type(device: Element, kind: Optional[str]) -> None:
    """Another type has nothing of the other side of the former one."""
    if device.get("type") != kind:
        remove(device, "source")
        remove(device, "protocol")
    put(device, "@type", kind)


_SIDES = {
    "type": Special(lambda device: device.get("type"), _write_type),
    "source": Special(_read_other_side, _write_other_side),
}


class Serials(Devices):
    def write(self, root: Element, before: Sequence[Any], after: Sequence[Any]) -> None:
        super().write(root, before, after)
        # libvirt shows the first serial port a second time as a console, and makes that anew where it is missing.
        for console in root.findall("devices/console"):
            if get(console, "target@type") in (None, "serial"):
                ensure(root, "devices").remove(console)


class Hostdevs(Devices):
    def write(self, root: Element, before: Sequence[Any], after: Sequence[Any]) -> None:
        super().write(root, before, after)
        if any(item.usb is not None and item not in before for item in after):
            allow_usb(root)


def _make_serial(root: Element, item: Serial) -> Element:
    serial = add(ensure(root, "devices"), "serial")
    add(serial, "target", port=str(item.port))
    return serial


def _make_channel(root: Element, item: Channel) -> Element:
    channel = add(ensure(root, "devices"), "channel")
    add(channel, "target", type="virtio", name=item.name)
    return channel


def _make_hostdev(root: Element, item: Hostdev) -> Element:
    kind = "pci" if item.usb is None else "usb"
    return add(ensure(root, "devices"), "hostdev", mode="subsystem", type=kind)


def _read_pci(hostdev: Element) -> Optional[str]:
    source = hostdev.find("source/address")
    if hostdev.get("type") != "pci" or source is None:
        return None
    domain, bus, slot, function = (int(source.get(name) or "0", 0) for name in _PCI)
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def _write_pci(hostdev: Element, pci: str) -> None:
    domain, bus, rest = pci.split(":")
    slot, function = rest.split(".")
    for name, digits in zip(_PCI, (domain, bus, slot, function)):
        put(hostdev, f"source/address@{name}", f"0x{digits}")


def _read_usb(hostdev: Element) -> Optional[str]:
    """A running guest's has the address that its vendor and product were found at as well."""
    if hostdev.get("type") != "usb":
        return None
    vendor, product = get(hostdev, "source/vendor@id"), get(hostdev, "source/product@id")
    if vendor and product:
        return f"{int(vendor, 0):04x}:{int(product, 0):04x}"
    bus, device = get(hostdev, "source/address@bus"), get(hostdev, "source/address@device")
    return f"{int(bus, 0)}/{int(device, 0)}" if bus and device else None


def _write_usb(hostdev: Element, usb: str) -> None:
    if "/" in usb:
        bus, device = usb.split("/")
        put(hostdev, "source/address@bus", bus)
        put(hostdev, "source/address@device", device)
        return
    vendor, product = usb.split(":")
    put(hostdev, "source/vendor@id", f"0x{vendor}")
    put(hostdev, "source/product@id", f"0x{product}")


def _read_listen(graphics: Element) -> Optional[str]:
    listen = graphics.find("listen")
    if listen is None:
        return graphics.get("listen")
    kind = listen.get("type")
    return NONE if kind == "none" else listen.get("socket" if kind == "socket" else "address")


def _write_listen(graphics: Element, listen: Optional[str]) -> None:
    remove(graphics, "listen")
    # What libvirt writes a second time for readers of its earlier format, and compares.
    for attribute in ("listen", "socket"):
        graphics.attrib.pop(attribute, None)
    if listen == NONE:
        add(graphics, "listen", type="none")
    elif listen is not None and listen.startswith("/"):
        add(graphics, "listen", type="socket", socket=listen)
    elif listen is not None:
        add(graphics, "listen", type="address", address=listen)


def _read_port(graphics: Element) -> Union[int, str, None]:
    port = graphics.get("port")
    if graphics.get("autoport") == "yes" or port == "-1":
        return AUTO
    return None if port is None else int(port)


def _write_port(graphics: Element, port: Union[int, str, None]) -> None:
    put(graphics, "@autoport", None if port is None else "yes" if port == AUTO else "no")
    put(graphics, "@port", None if port in (None, AUTO) else str(port))


def _write_model(video: Element, model: Optional[str]) -> None:
    """Memory, heads and acceleration are those of the former one."""
    former = video.find("model")
    primary = None if former is None else former.get("primary")
    remove(video, "model")
    add(video, "model", type=model or "", **({} if primary is None else {"primary": primary}))


class Sounds(Devices):
    """A sound device names one of the domain's audio backends by its number."""

    def read(self, root: Element) -> tuple[Sound, ...]:
        backends = {item.get("id"): item.get("type") for item in root.findall("devices/audio")}
        numbers = [get(element, "audio@id") or "1" for element in root.findall(self.elements)]
        return tuple(
            dataclasses.replace(item, audio=backends.get(number)) for item, number in zip(super().read(root), numbers)
        )

    def write(self, root: Element, before: Sequence[Any], after: Sequence[Any]) -> None:
        super().write(root, before, after)
        if any(item.model == "usb" and item not in before for item in after):
            allow_usb(root)
        held = self.read(root)
        for element, old, new in zip(root.findall(self.elements), held, after):
            if new.audio is not None and new.audio != old.audio:
                put(element, "audio@id", _backend(root, new.audio))


def _backend(root: Element, kind: str) -> str:
    """The number of the backend of this kind, which is made when missing."""
    held = root.findall("devices/audio")
    number = next((item.get("id") for item in held if item.get("type") == kind), None)
    if number is None:
        taken = {int(item.get("id") or "0") for item in held}
        number = str(next(free for free in range(1, len(taken) + 2) if free not in taken))
        add(ensure(root, "devices"), "audio", id=number, type=kind)
    return number


SERIALS = Serials(
    "serials",
    "devices/serial",
    lambda serial: {"port": int(get(serial, "target@port") or "0")},
    model.SERIALS,
    rows(Serial, _SIDES),
    _make_serial,
)
CHANNELS = Devices(
    "channels",
    "devices/channel",
    lambda channel: {"name": get(channel, "target@name") or ""},
    model.CHANNELS,
    rows(Channel, _SIDES),
    _make_channel,
)
HOSTDEVS = Hostdevs(
    "hostdevs",
    "devices/hostdev",
    lambda _hostdev: {},
    model.HOSTDEVS,
    rows(
        Hostdev,
        {
            "pci": Special(_read_pci, _write_pci),
            "usb": Special(_read_usb, _write_usb),
            "managed": Special(
                lambda hostdev: hostdev.get("managed") == "yes",
                lambda hostdev, managed: put(hostdev, "@managed", "yes" if managed else "no"),
            ),
        },
    ),
    _make_hostdev,
)
GRAPHICS = Devices(
    "graphics",
    "devices/graphics",
    lambda graphics: {"type": graphics.get("type") or ""},
    model.GRAPHICS,
    rows(
        Graphics,
        {"listen": Special(_read_listen, _write_listen), "port": Special(_read_port, _write_port)},
    ),
    lambda root, item: add(ensure(root, "devices"), "graphics", type=item.type),
)
VIDEOS = Devices(
    "video",
    "devices/video",
    lambda _video: {},
    model.VIDEOS,
    rows(Video, {"model": Special(lambda video: get(video, "model@type"), _write_model)}),
    lambda root, _item: add(ensure(root, "devices"), "video"),
)
SOUNDS = Sounds(
    "sound",
    "devices/sound",
    lambda _sound: {},
    model.SOUNDS,
    rows(Sound, {}),
    lambda root, _item: add(ensure(root, "devices"), "sound"),
)
