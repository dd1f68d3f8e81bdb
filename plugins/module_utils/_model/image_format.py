# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of which format a file is, by rules of our own: QEMU's probing believes what a guest wrote into its first sector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .._errors import SpecError
from . import image_qcow2, image_vmdk
from .image_candidate import SECTOR, Candidate, Layout

QCOW2, RAW, VMDK = "qcow2", "raw", "vmdk"
FORMATS = (QCOW2, RAW, VMDK)

_CONVERT = "Convert it where it is from, with `qemu-img convert -O qcow2`, and use the result."
_EXPORT = "Export the disk as one file (ovftool, or `qemu-img convert -O qcow2`), and use the result."
_OPEN = "Decrypt it where it is from, and use the result."


@dataclass(frozen=True)
class _Mark:
    """Bytes by which a file is known. offset is from the end where it is negative."""

    what: str
    magic: bytes
    hint: str
    code: str = "unsupported_format"
    offset: int = 0


def _archive(program: str, magic: bytes, unpack: str, offset: int = 0) -> _Mark:
    hint = f"Unpack it first (`{unpack}`), and use the image in it."
    return _Mark(f"an archive or compressed file ({program})", magic, hint, "archive", offset)


def _page(magic: bytes) -> _Mark:
    hint = "The address answered with a page instead of the image: look at it in a browser."
    return _Mark("a web page", magic, hint, "web_page")


# What is never taken, in the order of looking.
_FOREIGN = (
    _Mark("an image of format vdi", b"\x7f\x10\xda\xbe", _CONVERT, offset=64),
    _Mark("an image of format vhdx", b"vhdxfile", _CONVERT),
    _Mark("an image of format vpc (VHD)", b"conectix", _CONVERT),
    _Mark("an image of format vpc (VHD)", b"conectix", _CONVERT, offset=-SECTOR),
    _Mark("an image of format qed", b"QED\0", _CONVERT),
    _Mark("an image of format dmg", b"koly", _CONVERT, offset=-SECTOR),
    _Mark("an image of format parallels", b"WithoutFreeSpace", _CONVERT),
    _Mark("an image of format parallels", b"WithouFreSpacExt", _CONVERT),
    _Mark("an image of format bochs", b"Bochs Virtual HD Image", _CONVERT),
    _Mark("an image of format cloop", b"#!/bin/sh\n#V2.0 Format", _CONVERT),
    _Mark("encrypted (LUKS)", b"LUKS\xba\xbe", _OPEN, "encrypted"),
    _Mark("a part of a VMDK (an extent of ESX)", b"COWD", _EXPORT, "extents"),
    _Mark("only the description of a VMDK, whose data is in other files", b"# Disk DescriptorFile", _EXPORT, "extents"),
    _archive("gzip", b"\x1f\x8b", "gunzip"),
    _archive("xz", b"\xfd7zXZ\0", "unxz"),
    _archive("zstd", b"\x28\xb5\x2f\xfd", "unzstd"),
    _archive("bzip2", b"BZh", "bunzip2"),
    _archive("lz4", b"\x04\x22\x4d\x18", "unlz4"),
    _archive("zip", b"PK\x03\x04", "unzip"),
    _archive("7z", b"7z\xbc\xaf\x27\x1c", "7z x"),
    _archive("tar or OVA", b"ustar", "tar -xf", 257),
    _page(b"<!doctype"),
    _page(b"<html"),
)
_TAKEN = {b"QFI\xfb": QCOW2, image_vmdk.MAGIC: VMDK}
_BOOT_MARK = b"\x55\xaa"


def examine(candidate: Candidate, stated: Optional[str] = None) -> Layout:
    """What the file holds; an error says why it is none that is taken. stated is the format that it has to be."""
    head = candidate.read(0, SECTOR)
    kind = next((name for magic, name in _TAKEN.items() if head.startswith(magic)), RAW)
    if kind == RAW:
        _refuse_foreign(candidate, head)
    if stated is not None and stated != kind:
        problem = f"{candidate.origin} is {kind}, not {stated}"
        raise SpecError("format", problem, "Leave it out, or correct it.")
    return {QCOW2: image_qcow2.examine, VMDK: image_vmdk.examine, RAW: _raw}[kind](candidate)


def _refuse_foreign(candidate: Candidate, head: bytes) -> None:
    tail = candidate.read(candidate.size - SECTOR, SECTOR) if candidate.size >= SECTOR else b""
    for mark in _FOREIGN:
        part = head[mark.offset :] if mark.offset >= 0 else tail
        # Pages spell their first word in either case; no other mark has letters of which that matters.
        if part[: len(mark.magic)].lower() == mark.magic.lower():
            raise candidate.refused(mark.code, f"is {mark.what}", mark.hint)


def _raw(candidate: Candidate) -> Layout:
    """A disk as it is: whole sectors, and the mark that ends a boot sector."""
    candidate.check_size(candidate.size)
    if candidate.size % SECTOR or candidate.read(SECTOR - 2, 2) != _BOOT_MARK:
        hint = "Name an image that boots: a raw one has whole sectors and a boot sector."
        raise candidate.refused("no_image", "is no disk image", hint)
    return Layout(RAW, candidate.size)
