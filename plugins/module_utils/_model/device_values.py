# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of values that the options of a domain's devices take."""

from __future__ import annotations

import ipaddress
import re

from .._errors import SpecError
from . import value
from .domain_values import AUTO, NONE
from .options import kind
from .size import parse_size

_PCI = re.compile(r"(?:(?P<domain>[0-9a-f]{4}):)?(?P<rest>[0-9a-f]{2}:[01][0-9a-f]\.[0-7])", re.ASCII)
_USB_ID = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}", re.ASCII)
_USB_ADDRESS = re.compile(r"0*(?P<bus>[1-9][0-9]{0,2})/0*(?P<device>[1-9][0-9]{0,2})", re.ASCII)
_ADDRESS_AND_PORT = re.compile(r"(?P<address>[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):(?P<port>[0-9]{1,5})", re.ASCII)
# What a secret reads wherever it would be shown.
HIDDEN = "(not shown)"
_MOST_DEVICES = 256
_MOST_SERIALS = 3
_MOST_IOPS = 2**31 - 1
# 0 and 4095 mean other things (IEEE 802.1Q).
_MOST_VLAN = 4094
# The tun driver's (MAX_TAP_QUEUES).
_MOST_QUEUES = 256


# virtio-blk carries 20 bytes of serial number (virtio 1.2, 5.2.6), by which a guest finds the disk.
disk_name = kind("str")(
    value.matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}",
        "is not a valid name",
        "Use 1 to 20 letters, digits, dots, hyphens and underscores; it is the disk's serial number.",
    )
)
target = kind("str")(
    value.matching(r"(vd|sd|hd)[a-z]{1,2}", "is not a disk's target", "Write one as in vda, sda or hda.")
)
channel_name = kind("str")(
    value.matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}",
        "is not a channel's name",
        "Use letters, digits, dots, hyphens and underscores, as in org.qemu.guest_agent.0.",
    )
)


@kind("path")
def media(stated: object, path: str) -> str:
    """A file or block device, what check mode shows for one that isn't known yet, or NONE for an empty drive."""
    return str(stated) if stated in (NONE, value.UNKNOWN) else value.absolute_path(stated, path)


@kind("int", read=int)
def boot_order(stated: object, path: str) -> int:
    return value.count(stated, path, least=1, most=_MOST_DEVICES)


@kind("str", read=int)
def byte_rate(stated: object, path: str) -> object:
    """Bytes per second, or NONE."""
    return stated if stated == NONE else parse_size(stated, path)


@kind("str", read=int)
def operation_rate(stated: object, path: str) -> object:
    """Operations per second, or NONE."""
    return stated if stated == NONE else value.count(stated, path, least=1, most=_MOST_IOPS)


@kind("str", read=int)
def vlan(stated: object, path: str) -> object:
    """The number of a VLAN, or NONE."""
    return stated if stated == NONE else value.count(stated, path, least=1, most=_MOST_VLAN)


@kind("int", read=int)
def queues(stated: object, path: str) -> int:
    return value.count(stated, path, least=1, most=_MOST_QUEUES)


@kind("str", read=lambda text: int(text) << 10, write=lambda rate: str(rate >> 10))
def bandwidth(stated: object, path: str) -> object:
    """Bytes per second, or NONE. libvirt counts them in 1024."""
    return stated if stated == NONE else parse_size(stated, path)


@kind("str")
def pci_address(stated: object, path: str) -> str:
    """The domain is 0000 where it is left out."""
    match = _PCI.fullmatch(stated.strip().lower()) if isinstance(stated, str) else None
    if match is None:
        raise SpecError(path, f"{value.shown(stated)} is not a PCI address", "Write it as `lspci -D`: 0000:01:00.0.")
    return f"{match['domain'] or '0000'}:{match['rest']}"


@kind("str")
def usb_device(stated: object, path: str) -> str:
    """Vendor and product, or bus and device."""
    text = stated.strip().lower() if isinstance(stated, str) else ""
    address = _USB_ADDRESS.fullmatch(text)
    if address is None and not _USB_ID.fullmatch(text):
        hint = "Write vendor and product as in 046d:c52b, or bus and device as in 3/7 (see `lsusb`)."
        raise SpecError(path, f"{value.shown(stated)} is not a USB device", hint)
    return text if address is None else f"{int(address['bus'])}/{int(address['device'])}"


@kind("str")
def listen(stated: object, path: str) -> str:
    """An IP address, the path of a socket, or NONE."""
    if stated == NONE or (isinstance(stated, str) and stated.startswith("/")):
        return str(stated) if stated == NONE else value.absolute_path(stated, path)
    try:
        return str(ipaddress.ip_address(str(stated)))
    except ValueError:
        hint = f"Write an IP address, the absolute path of a socket, or {NONE}."
        raise SpecError(path, f"{value.shown(stated)} is nothing to listen on", hint) from None


@kind("str")
def listen_port(stated: object, path: str) -> object:
    """A port, or AUTO."""
    return stated if stated == AUTO else value.count(stated, path, least=1, most=65535)


class Secret(str):
    """A text that is compared, and never shown: as a text it is HIDDEN."""

    plain: str

    def __new__(cls, plain: str) -> Secret:  # noqa: PYI034 (Self came with Python 3.11)
        made = super().__new__(cls, HIDDEN)
        made.plain = plain
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.plain == self.plain

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.plain)


@kind("str", read=Secret, write=lambda secret: str(secret.plain), no_log=True)
def secret(stated: object, path: str) -> Secret:
    """An empty one means none."""
    if not isinstance(stated, str) or not stated.isprintable():
        raise SpecError(path, "it is not one line of text", "Put it in quotes.")
    return Secret(stated)


@kind("int", read=int)
def port_number(stated: object, path: str) -> int:
    """The number of a serial port."""
    return value.count(stated, path, least=0, most=_MOST_SERIALS)


@kind("str")
def other_side(stated: object, path: str) -> str:
    """What a character device is on the host: a file or socket, or the address and port of one."""
    match = _ADDRESS_AND_PORT.fullmatch(stated) if isinstance(stated, str) else None
    if match is None:
        return value.absolute_path(stated, path)
    return f"{match['address']}:{value.count(match['port'], path, least=1, most=65535)}"
