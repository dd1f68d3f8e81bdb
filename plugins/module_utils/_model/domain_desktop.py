# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else a domain has: devices of the host, serial ports and channels, graphics, video and sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional, Union

from .._errors import SpecError
from . import device_values as values
from .domain_values import AUTO, NONE
from .forward import LOOPBACK
from .items import Items, fresh
from .options import boolean, one_of, option, parse_items

# Types of a character device that has another side which is named.
NAMED = ("unix", "tcp", "file")
VIDEO_MODELS = ("virtio", "vga", "qxl", "bochs", "cirrus", "ramfb", NONE)
SOUND_MODELS = ("ich9", "ich6", "ac97", "usb")
BACKENDS = (NONE, "spice", "alsa", "pulseaudio", "pipewire")
VNC, SPICE = "vnc", "spice"
# What DES has a key for (RFC 6143, 7.2.2); QEMU reads no further.
_LONGEST_VNC_PASSWORD = 8


def _unless_empty(_observed: object, stated: values.Secret) -> Optional[values.Secret]:
    return stated if stated.plain else None


@dataclass(frozen=True)
class Serial:
    port: int = option("port", "restart", values.port_number, required=True, identity=True)
    type: Optional[str] = option("type", "restart", one_of("pty", *NAMED))
    source: Optional[str] = option("source", "restart", values.other_side)


@dataclass(frozen=True)
class Channel:
    """A virtio-serial port, which the guest finds by its name."""

    name: str = option("name", "restart", values.channel_name, required=True, identity=True)
    type: Optional[str] = option("type", "restart", one_of("unix", "spicevmc"))
    source: Optional[str] = option("source", "restart", values.other_side)


@dataclass(frozen=True)
class Hostdev:
    """One of pci and usb tells which."""

    pci: Optional[str] = option("pci", "restart", values.pci_address)
    usb: Optional[str] = option("usb", "restart", values.usb_device)
    managed: Optional[bool] = option("managed", "restart", boolean)
    boot_order: Optional[int] = option("boot_order", "restart", values.boot_order, "boot@order")


def _parse_hostdevs(stated: object, path: str) -> tuple[Hostdev, ...]:
    found: tuple[Hostdev, ...] = parse_items(Hostdev, stated, path, unique=("pci", "usb"))
    for index, item in enumerate(found):
        if (item.pci is None) == (item.usb is None):
            problem = "it names no device" if item.pci is None else "it names two devices"
            raise SpecError(f"{path}[{index}]", problem, "State one of pci and usb.")
    return found


def _complete_hostdev(before: Optional[Hostdev], item: Hostdev, _others: Sequence[Hostdev], _machine: str) -> Hostdev:
    """libvirt takes a PCI device from its driver and gives it back where it is managed; USB needs none of that."""
    if before is not None or item.managed is not None:
        return item
    return dataclasses.replace(item, managed=item.pci is not None)


def _complete_serial(before: Optional[Serial], item: Serial, _others: Sequence[Serial], _machine: str) -> Serial:
    return dataclasses.replace(item, **_other_side(before, item, "pty"))


def _complete_channel(before: Optional[Channel], item: Channel, _others: Sequence[Channel], _machine: str) -> Channel:
    return dataclasses.replace(item, **_other_side(before, item, "unix"))


def _other_side(before: Any, item: Any, default: str) -> dict[str, Any]:
    """Another type has another side, which is stated or there is none."""
    kind = item.type or default
    kept = before is None or before.type == kind or before.source != item.source
    return {"type": kind, "source": item.source if kept and kind in NAMED else None}


def _check_serial(path: str, _before: Optional[Serial], item: Serial, _others: Sequence[Serial]) -> None:
    """Raise for what can't be."""
    if item.type in NAMED and item.source is None:
        hint = "Write address and port, as in 127.0.0.1:4555." if item.type == "tcp" else "Write an absolute path."
        raise SpecError(f"{path}.source", "it is missing", hint)
    if item.type in NAMED and (item.type == "tcp") == (item.source or "").startswith("/"):
        problem = f"{item.source!r} is not what {item.type} has on the host"
        raise SpecError(f"{path}.source", problem, "Write address:port for tcp, and a path for all others.")
    if item.port > 0 and not any(other.port == item.port - 1 for other in _others):
        raise SpecError(f"{path}.port", f"there is no port {item.port - 1} before it", "Number them from 0.")


def _check_channel(path: str, _before: Optional[Channel], item: Channel, _others: Sequence[Channel]) -> None:
    """Raise for what can't be. libvirt chooses the path of an agent's socket itself, where none is said."""
    if item.source is not None and not item.source.startswith("/"):
        raise SpecError(f"{path}.source", f"{item.source!r} is not a path", "Write the absolute path of a socket.")


@dataclass(frozen=True)
class Graphics:
    type: str = option("type", "restart", one_of(VNC, SPICE), required=True, identity=True)
    listen: Optional[str] = option("listen", "restart", values.listen)
    port: Optional[Union[int, str]] = option("port", "restart", values.listen_port)
    password: Optional[str] = option("password", "live", values.secret, "@passwd", merge=_unless_empty)


@dataclass(frozen=True)
class Video:
    model: Optional[str] = option("model", "restart", one_of(*VIDEO_MODELS))


@dataclass(frozen=True)
class Sound:
    """audio is what plays it on the host."""

    model: Optional[str] = option("model", "restart", one_of(*SOUND_MODELS), "@model")
    audio: Optional[str] = option("audio", "restart", one_of(*BACKENDS))


def _parse_graphics(stated: object, path: str) -> tuple[Graphics, ...]:
    found: tuple[Graphics, ...] = parse_items(Graphics, stated, path, unique=("type",))
    for index, item in enumerate(found):
        if (
            item.type == VNC
            and isinstance(item.password, values.Secret)
            and len(item.password.plain) > _LONGEST_VNC_PASSWORD
        ):
            problem = f"it is longer than VNC's {_LONGEST_VNC_PASSWORD} characters"
            raise SpecError(f"{path}[{index}].password", problem, "Write a shorter one.")
    return found


def _complete_graphics(
    before: Optional[Graphics], item: Graphics, _others: Sequence[Graphics], _machine: str
) -> Graphics:
    listen = item.listen or (LOOPBACK if before is None else None)
    if _has_no_port(listen):
        # What was said of an address before has no meaning now.
        kept = None if before is not None and item.port == before.port else item.port
    else:
        kept = item.port or (AUTO if before is None or _has_no_port(before.listen) else None)
    return dataclasses.replace(item, listen=listen, port=kept)


def _has_no_port(listen: Optional[str]) -> bool:
    return listen is not None and (listen == NONE or listen.startswith("/"))


def _check_graphics(path: str, _before: Optional[Graphics], item: Graphics, _others: Sequence[Graphics]) -> None:
    """Raise for what can't be."""
    if _has_no_port(item.listen) and item.port is not None:
        raise SpecError(f"{path}.port", "only an address has a port", "Leave it out, or listen on an address.")


HOSTDEVS = Items(
    Hostdev,
    lambda hostdev: hostdev.pci or hostdev.usb or "",
    complete=_complete_hostdev,
    own_parse=_parse_hostdevs,
)
SERIALS = Items(Serial, lambda serial: str(serial.port), ("port", "source"), _complete_serial, _check_serial)
CHANNELS = Items(Channel, lambda channel: str(channel.name), ("name", "source"), _complete_channel, _check_channel)
GRAPHICS = Items(
    Graphics,
    lambda graphics: str(graphics.type),
    complete=_complete_graphics,
    check=_check_graphics,
    own_parse=_parse_graphics,
)
# Only their order tells these apart.
VIDEOS = Items(Video, complete=fresh(model="virtio"))
SOUNDS = Items(Sound, complete=fresh(model="ich9"))
