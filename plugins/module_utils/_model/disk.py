# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks of guests: what is asked for, what a file holds, and which of it can't be meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from .._errors import SpecError
from .size import DEFAULT_SIZE, MIB, format_size, parse_size
from .value import absolute_path, choice, shown

FORMATS = ("qcow2", "raw")
STATES = ("present", "absent", "reset")
# What a new qcow2 without data takes: header, refcounts and the L1 table of a disk of some TiB.
METADATA = 4 * MIB
# Enough of a file to know its format.
HEAD = 64
_MOST = 1 << 60
_MAGIC = {
    b"QFI\xfb": "qcow2",
    b"QED\0": "qed",
    b"KDMV": "vmdk",
    b"COWD": "vmdk",
    b"# Disk DescriptorFile": "vmdk",
    b"vhdxfile": "vhdx",
    b"conectix": "vpc",
    b"<<< ": "vdi",
}


@dataclass(frozen=True)
class Disk:
    """What is asked for. None is unstated."""

    path: str
    state: str = "present"
    backing: Optional[str] = None
    copy_of: Optional[str] = None
    size: Optional[int] = None
    format: Optional[str] = None

    @property
    def source(self) -> Optional[str]:
        return self.backing or self.copy_of

    @property
    def source_option(self) -> str:
        return "backing" if self.backing else "copy_of"


@dataclass(frozen=True)
class Image:
    """What a file holds. Sizes are in bytes; actual_size is what it takes on its file system."""

    path: str
    format: str
    virtual_size: int
    actual_size: int
    backing: Optional[str] = None
    data_file: Optional[str] = None
    in_use: bool = False


def parse_disk(params: Mapping[str, object]) -> Disk:
    """The module's parameters, checked without looking at any file."""
    path = absolute_path(params.get("path"), "path")
    if str(params["path"]).endswith("/"):
        raise SpecError("path", f"{shown(params['path'])} is a directory", "Name the file, as in /x/root.qcow2.")
    disk = Disk(
        path=path,
        state=choice(params.get("state") or "present", "state", STATES),
        backing=_optional_path(params, "backing"),
        copy_of=_optional_path(params, "copy_of"),
        size=None if params.get("size") is None else parse_size(params["size"], "size", least=MIB, most=_MOST),
        format=None if params.get("format") is None else choice(params["format"], "format", FORMATS),
    )
    if disk.backing and disk.copy_of:
        raise SpecError("copy_of", "a disk is an overlay or a copy, not both", "State `backing` or `copy_of`.")
    if disk.backing and disk.format == "raw":
        raise SpecError("format", "a raw disk can't have a backing file", "Leave it out, or state `copy_of`.")
    if disk.source == path:
        raise SpecError(disk.source_option, "it is the disk itself", "Name the file that the disk is made from.")
    return disk


def _optional_path(params: Mapping[str, object], option: str) -> Optional[str]:
    value = params.get(option)
    return None if value is None else absolute_path(value, option)


def image_format(head: bytes) -> str:
    """The format by the file's first bytes; what has no magic number is raw."""
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    return "raw"


def check_source(option: str, image: Image, *, ours: bool) -> None:
    """Refuse what a disk can't be made from. ours: the file has our stamp, so that its backing chain is known."""
    if image.format not in FORMATS:
        hint = f"Convert it first: qemu-img convert -O qcow2 {image.path} NEW.qcow2."
        raise SpecError(option, f"{shown(image.path)} has format {image.format}", hint)
    if image.data_file or (image.backing and not (ours and option == "copy_of")):
        # A stranger's image could name any file of the host as its backing file, and the guest would read it.
        problem = f"{shown(image.path)} has a backing file of its own ({shown(image.data_file or image.backing)})"
        raise SpecError(option, problem, "Make it one file: qemu-img convert -O qcow2 OLD NEW.qcow2.")
    if image.in_use:
        raise SpecError(option, f"{shown(image.path)} is being written", "Stop the guest that uses it.", "in_use")
    if image.virtual_size == 0:
        raise SpecError(option, f"{shown(image.path)} is empty", "Name a disk image.")


def creation_size(disk: Disk, source: Optional[Image], existing: Optional[Image]) -> int:
    """The virtual size of a disk that is made now. existing is the one that a reset replaces."""
    least = source.virtual_size if source else 0
    if disk.size is None:
        if existing and existing.virtual_size:
            return max(existing.virtual_size, least)
        if disk.copy_of:
            return least
        if source is None:
            raise SpecError("size", "a blank disk needs one", "Write it with its unit, as in 20GiB.")
        return max(DEFAULT_SIZE, least)
    if disk.size < least and source:
        problem = f"{format_size(disk.size)} is smaller than the {format_size(least)} of {shown(source.path)}"
        raise SpecError("size", problem, f"Set {format_size(least)} or more.")
    return disk.size


def check_growth(size: int, existing: int) -> None:
    if size < existing:
        problem = f"{format_size(size)} is smaller than the existing {format_size(existing)}; shrinking loses data"
        raise SpecError("size", problem, f"Set {format_size(existing)} or more.")


def reset_required(disk: Disk, existing: Image) -> list[str]:
    """The options that only a disk made anew can follow."""
    wanted = []
    if disk.backing and disk.backing != existing.backing:
        wanted.append("backing")
    if disk.format and disk.format != existing.format:
        wanted.append("format")
    return wanted
