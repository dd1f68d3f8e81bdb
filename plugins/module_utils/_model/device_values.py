# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of values that the options of a domain's devices take."""

from __future__ import annotations

import re

from .._errors import SpecError
from . import value
from .domain_values import NONE
from .options import kind
from .size import parse_size

# virtio-blk carries 20 bytes of serial number (virtio 1.2, 5.2.6), by which a guest finds the disk.
_DISK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}", re.ASCII)
_TARGET = re.compile(r"(vd|sd|hd)[a-z]{1,2}", re.ASCII)
_MOST_DEVICES = 256
_MOST_IOPS = 2**31 - 1
# 0 and 4095 mean other things (IEEE 802.1Q).
_MOST_VLAN = 4094
# The tun driver's (MAX_TAP_QUEUES).
_MOST_QUEUES = 256


@kind("str")
def disk_name(stated: object, path: str) -> str:
    if not isinstance(stated, str) or not _DISK_NAME.fullmatch(stated):
        hint = "Use 1 to 20 letters, digits, dots, hyphens and underscores; it is the disk's serial number."
        raise SpecError(path, f"{value.shown(stated)} is not a valid name", hint)
    return stated


@kind("path")
def media(stated: object, path: str) -> str:
    """A file or block device, what check mode shows for one that isn't known yet, or NONE for an empty drive."""
    return str(stated) if stated in (NONE, value.UNKNOWN) else value.absolute_path(stated, path)


@kind("str")
def target(stated: object, path: str) -> str:
    if not isinstance(stated, str) or not _TARGET.fullmatch(stated):
        raise SpecError(path, f"{value.shown(stated)} is not a disk's target", "Write one as in vda, sda or hda.")
    return stated


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
