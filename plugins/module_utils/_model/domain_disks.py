# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks and drives of a domain: what may be said of one, how one is found again, and what none can be."""

from __future__ import annotations

import dataclasses
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Optional

from .._errors import SpecError
from . import device_values as values
from . import domain_values, value
from .items import Items
from .options import boolean, one_of, option, parse_items, refuse_twice
from .size import format_size

DISK_FORMATS = ("qcow2", "raw")
BUSES = ("virtio", "scsi", "sata", "usb", "ide")
CACHES = ("none", "writeback", "writethrough", "directsync", "unsafe")
CDROM = "cdrom"

_PREFIXES = {"virtio": "vd", "ide": "hd", "scsi": "sd", "sata": "sd", "usb": "sd"}
# QEMU's native AIO needs files that are opened with O_DIRECT.
_DIRECT = ("none", "directsync")


def _gone(observed: object, stated: object) -> object:
    return domain_values.unless_none(observed, stated)


@dataclass(frozen=True)
class Disk:
    """name is the serial number that the guest sees; base is the image that source is an overlay of.

    The impact of source is that of a disk: a drive's media can be changed while the guest runs.
    """

    name: str = option("name", "restart", values.disk_name, required=True, identity=True)
    source: Optional[str] = option("source", "restart", values.media, merge=_gone)
    format: Optional[str] = option("format", "restart", one_of(*DISK_FORMATS), "driver@type")
    device: Optional[str] = option("device", "restart", one_of("disk", CDROM), "@device", default="disk")
    bus: Optional[str] = option("bus", "restart", one_of(*BUSES), "target@bus")
    target: Optional[str] = option("target", "restart", values.target, "target@dev")
    readonly: Optional[bool] = option("readonly", "restart", boolean)
    shareable: Optional[bool] = option("shareable", "restart", boolean)
    cache: Optional[str] = option("cache", "restart", one_of(*CACHES), "driver@cache")
    io: Optional[str] = option("io", "restart", one_of("threads", "native", "io_uring"), "driver@io")
    discard: Optional[str] = option("discard", "restart", one_of("unmap", "ignore"), "driver@discard")
    boot_order: Optional[int] = option("boot_order", "restart", values.boot_order, "boot@order")
    base: Optional[str] = option("base", "restart", domain_values.file)
    read_bytes: Optional[int] = option(
        "iotune.read_bytes", "live", values.byte_rate, "iotune/read_bytes_sec", merge=_gone, show=format_size
    )
    write_bytes: Optional[int] = option(
        "iotune.write_bytes", "live", values.byte_rate, "iotune/write_bytes_sec", merge=_gone, show=format_size
    )
    total_bytes: Optional[int] = option(
        "iotune.total_bytes", "live", values.byte_rate, "iotune/total_bytes_sec", merge=_gone, show=format_size
    )
    read_iops: Optional[int] = option(
        "iotune.read_iops", "live", values.operation_rate, "iotune/read_iops_sec", merge=_gone
    )
    write_iops: Optional[int] = option(
        "iotune.write_iops", "live", values.operation_rate, "iotune/write_iops_sec", merge=_gone
    )
    total_iops: Optional[int] = option(
        "iotune.total_iops", "live", values.operation_rate, "iotune/total_iops_sec", merge=_gone
    )


def _parse_disks(stated: object, path: str) -> tuple[Disk, ...]:
    disks = parse_items(Disk, stated, path, unique=("name", "target"))
    refuse_twice([None if disk.source == domain_values.NONE else disk.source for disk in disks], "source", path)
    return disks


def _match_disks(observed: Sequence[Disk], stated: Sequence[Disk]) -> list[Optional[int]]:
    """By name; a name that none has means the disk with this target."""
    names = {disk.name: index for index, disk in enumerate(observed)}
    targets = {disk.target: index for index, disk in enumerate(observed)}
    found: list[Optional[int]] = []
    for number, disk in enumerate(stated):
        index = names.get(disk.name, targets.get(disk.name))
        if index is not None and index in found:
            problem = f"{value.shown(disk.name)} is the target of disks[{found.index(index)}]"
            raise SpecError(f"disks[{number}].name", problem, "State each disk once.")
        found.append(index)
    return found


def _complete_disk(before: Optional[Disk], disk: Disk, others: Sequence[Disk], machine: str) -> Disk:
    """A disk with what a new one is when nothing is stated, and with a target of its bus."""
    if before is None:
        disk = _with_defaults(disk, machine)
    moved = before is not None and before.bus != disk.bus and before.target == disk.target
    if disk.target is None or (moved and not (disk.target or "").startswith(_PREFIXES.get(disk.bus or "", ""))):
        used = {other.target for other in others}
        free = next(name for name in _targets(_PREFIXES[disk.bus or "virtio"]) if name not in used)
        disk = dataclasses.replace(disk, target=free)
    return disk


def _with_defaults(disk: Disk, machine: str) -> Disk:
    drive = disk.device == CDROM
    plain = drive or is_block_device(disk.source)
    readonly = drive if disk.readonly is None else disk.readonly
    return dataclasses.replace(
        disk,
        device=disk.device or "disk",
        format=disk.format or ("raw" if plain else "qcow2"),
        bus=disk.bus or (_drive_bus(machine) if drive else "virtio"),
        readonly=readonly,
        shareable=bool(disk.shareable),
        discard=disk.discard or (None if readonly else "unmap"),
    )


def _drive_bus(machine: str) -> str:
    """Each machine's own: i440fx has IDE, q35 has AHCI, the Arm one has neither."""
    if machine == "pc" or machine.startswith("pc-i440fx"):
        return "ide"
    return "sata" if machine.startswith(("q35", "pc-q35")) or not machine else "scsi"


def is_block_device(source: Optional[str]) -> bool:
    """By its path alone: of a file that QEMU is to open as it is, nothing below /dev is one, save for shared memory."""
    return source is not None and source.startswith("/dev/") and not source.startswith("/dev/shm/")  # noqa: S108


def _targets(prefix: str) -> Iterator[str]:
    letters = string.ascii_lowercase
    return (f"{prefix}{''.join(suffix)}" for length in (1, 2) for suffix in product(letters, repeat=length))


def _limits_twice(what: str) -> Callable[[Disk], bool]:
    return lambda disk: bool(
        getattr(disk, f"total_{what}") and (getattr(disk, f"read_{what}") or getattr(disk, f"write_{what}"))
    )


_ONE_LIMIT = "libvirt takes no limit of the total beside one of reads or writes"
# What libvirt or QEMU would refuse, perhaps only when the guest starts, or would not keep: option, when, why, hint.
_RULES: tuple[tuple[str, Callable[[Disk], bool], str, str], ...] = (
    (
        "readonly",
        lambda disk: disk.device == CDROM and disk.readonly is False,
        "a cdrom is always read-only",
        "Leave readonly out.",
    ),
    (
        "bus",
        lambda disk: disk.device == CDROM and disk.bus == "virtio",
        "virtio has no cdrom",
        "Choose sata, scsi, usb or ide, or leave bus out.",
    ),
    (
        "readonly",
        lambda disk: disk.device != CDROM and bool(disk.readonly) and disk.bus in ("sata", "ide"),
        "a disk on sata or ide can't be read-only",
        "Choose bus virtio, scsi or usb, or device cdrom.",
    ),
    (
        "shareable",
        lambda disk: bool(disk.shareable) and disk.format != "raw",
        "QEMU shares disks of format raw only",
        "Choose format raw.",
    ),
    (
        "io",
        lambda disk: disk.io == "native" and disk.cache not in _DIRECT,
        "native needs a disk without the host's cache",
        "Set cache to none as well.",
    ),
    (
        "target",
        lambda disk: not (disk.target or "").startswith(_PREFIXES.get(disk.bus or "", "")),
        "it is not one of the disk's bus",
        "Begin it with vd on virtio, hd on ide, sd on all others, or leave it out.",
    ),
    ("iotune.total_bytes", _limits_twice("bytes"), _ONE_LIMIT, f"Set one of them to {domain_values.NONE}."),
    ("iotune.total_iops", _limits_twice("iops"), _ONE_LIMIT, f"Set one of them to {domain_values.NONE}."),
)


def _check_disk(path: str, before: Optional[Disk], disk: Disk, others: Sequence[Disk]) -> None:
    """Raise for what can't be."""
    # What others made may have a source that is no path.
    if disk.source is None and disk.device != CDROM and (before is None or before.source is not None):
        raise SpecError(f"{path}.source", "it is missing", "Name the disk's file; only a cdrom can be empty.")
    for attribute, broken, problem, hint in _RULES:
        if broken(disk):
            raise SpecError(f"{path}.{attribute}", problem, hint)
    for other in others:
        _check_two(path, disk, other)


def _check_two(path: str, disk: Disk, other: Disk) -> None:
    if disk.target == other.target:
        problem = f"{value.shown(disk.target)} is disk {other.name}'s too"
        raise SpecError(f"{path}.target", problem, "Write another one, or leave target out.")
    same = disk.source is not None and disk.source == other.source and disk.source != value.UNKNOWN
    if same and not (disk.shareable or (disk.readonly and other.readonly)):
        problem = f"{value.shown(disk.source)} is disk {other.name}'s too"
        raise SpecError(f"{path}.source", problem, f"To change that disk, write name {other.name}.")


DISKS = Items(
    Disk,
    lambda disk: str(disk.name),
    complete=_complete_disk,
    check=_check_disk,
    own_parse=_parse_disks,
    own_match=_match_disks,
)
