# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of a domain: what is asked for, what there is, and how their files are named."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .._errors import SpecError
from . import value
from .arguments import URI
from .names import parse_name
from .paths import DATA

STATES = ("present", "absent", "reverted")
KINDS = ("internal", "external")
INTERNAL, EXTERNAL = KINDS
_LONGEST_DESCRIPTION = 1024
# Names of files end at 255 bytes; a stamp adds eight.
_LONGEST_FILE_NAME = 240


@dataclass(frozen=True)
class Request:
    """What is asked for. None is unstated."""

    domain: str
    name: str
    state: str = "present"
    kind: Optional[str] = None
    memory: Optional[bool] = None
    quiesce: Optional[bool] = None
    disks: Optional[tuple[str, ...]] = None
    description: Optional[str] = None
    allow_loss: bool = False
    timeout: int = 3600
    uri: str = URI
    data: str = DATA


@dataclass(frozen=True)
class SnapshotDisk:
    """A disk in a snapshot. target is its name in the guest's definition (vda), file the overlay that was begun."""

    target: str
    kind: str
    file: Optional[str] = None


@dataclass(frozen=True)
class Snapshot:
    """A snapshot as libvirt has it. state is that of the domain when it was taken; created is in seconds since 1970.

    kind is external as soon as one part of it is. memory_file: where an external one keeps the memory. noted: libvirt
    knows it; where libvirtd ended at the wrong moment, the guest writes into overlays of one that it doesn't know.
    """

    name: str
    state: str
    kind: str
    memory: bool = False
    created: int = 0
    current: bool = False
    parent: Optional[str] = None
    description: Optional[str] = None
    disks: tuple[SnapshotDisk, ...] = ()
    memory_file: Optional[str] = None
    noted: bool = True

    @property
    def files(self) -> tuple[str, ...]:
        """All that it consists of beside the disks as they were."""
        return tuple(file for file in (*(disk.file for disk in self.disks), self.memory_file) if file)


@dataclass(frozen=True)
class Disk:
    """A disk of the domain. name is as in module domain: its serial number, else its target.

    source is a path where type is file. job: a block job copies or merges it just now.
    """

    name: str
    target: str
    type: str = "file"
    source: Optional[str] = None
    format: str = "raw"
    readonly: bool = False
    job: bool = False

    @property
    def writable(self) -> bool:
        return not self.readonly and self.source is not None


@dataclass(frozen=True)
class Overlay:
    """What the stamp of an overlay or of a memory file says.

    origin: the disk's file before any snapshot. frozen: the file below, with the content of the snapshot; each with
    its format. merging: its removal has begun, so that frozen does not hold the snapshot's content any more.
    """

    domain: str
    snapshot: str
    owner: str
    origin: str = ""
    frozen: str = ""
    frozen_format: str = "qcow2"
    merging: bool = False
    origin_format: str = "qcow2"


def parse_request(params: Mapping[str, Any]) -> Request:
    """The module's parameters, checked without looking at the host."""
    request = Request(
        domain=parse_name(params.get("domain"), "domain"),
        name=parse_name(params.get("name"), "name"),
        state=value.choice(params.get("state") or "present", "state", STATES),
        kind=_optional(params, "kind", lambda given, path: value.choice(given, path, KINDS)),
        memory=_optional(params, "memory", value.boolean),
        quiesce=_optional(params, "quiesce", value.boolean),
        disks=_optional(params, "disks", _disks),
        description=_optional(
            params, "description", lambda given, path: value.text(given, path, most=_LONGEST_DESCRIPTION)
        ),
        allow_loss=value.boolean(params.get("allow_loss") or False, "allow_loss"),
        timeout=value.count(params.get("timeout", 3600), "timeout", least=1, most=7 * 86400),
        uri=params.get("uri") or URI,
        data=value.absolute_path(params.get("data") or DATA, "data"),
    )
    if request.quiesce and request.memory:
        hint = "Leave quiesce out: the memory holds what the guest had not yet written."
        raise SpecError("quiesce", "a snapshot with the memory is not quiesced", hint)
    if request.quiesce and request.kind == INTERNAL:
        raise SpecError("quiesce", "an internal snapshot is not quiesced", "Set kind to external, or leave it out.")
    return request


def _optional(params: Mapping[str, Any], option: str, parse: Any) -> Any:
    return None if params.get(option) is None else parse(params[option], option)


def _disks(given: object, path: str) -> tuple[str, ...]:
    names = [value.text(name, f"{path}[{index}]") for index, name in enumerate(value.sequence(given, path))]
    if not names:
        raise SpecError(path, "it is empty", "Name the disks, or leave it out: then all that the guest can write.")
    for index, name in enumerate(names):
        if name in names[:index]:
            raise SpecError(f"{path}[{index}]", f"{value.shown(name)} is there twice", "Name each disk once.")
    return tuple(names)


def overlay_path(origin: str, snapshot: str, number: int = 0) -> str:
    """Where the guest writes after the snapshot: /x/root.qcow2 goes on in /x/root.SNAPSHOT.qcow2.

    virt-aa-helper (AppArmor) reads only files with the suffixes of disk images.
    """
    directory, name = os.path.split(origin)
    stem, _suffix = os.path.splitext(name)
    return _joined(directory, f"{stem}.{snapshot}{_numbered(number)}.qcow2")


def memory_path(origin: str, domain: str, snapshot: str, number: int = 0) -> str:
    """Where the memory of a snapshot is kept, beside the domain's first disk."""
    return _joined(os.path.dirname(origin), f"{domain}.{snapshot}{_numbered(number)}.memory")


def _numbered(number: int) -> str:
    return f".{number}" if number else ""


def _joined(directory: str, name: str) -> str:
    if len(name.encode()) > _LONGEST_FILE_NAME:
        raise SpecError("name", f"it would make the file name {value.shown(name)}", "Choose a shorter name.")
    return os.path.join(directory, name)


def view(snapshot: Snapshot, names: Optional[Mapping[str, str]] = None) -> dict[str, object]:
    """A snapshot in results. names: target -> the disk's name."""
    return {
        "name": snapshot.name,
        "kind": snapshot.kind,
        "memory": snapshot.memory,
        "domain_state": snapshot.state,
        "created": snapshot.created,
        "current": snapshot.current,
        "parent": snapshot.parent,
        "description": snapshot.description,
        "disks": [
            {"name": (names or {}).get(disk.target, disk.target), "kind": disk.kind, "file": disk.file}
            for disk in snapshot.disks
        ],
    }


def lineage(snapshots: tuple[Snapshot, ...], name: str) -> tuple[Snapshot, ...]:
    """The snapshots that were taken after this one and rest on it, nearest first."""
    found: list[Snapshot] = []
    pending = [name]
    while pending:
        parent = pending.pop(0)
        children = [item for item in snapshots if item.parent == parent and item not in found]
        found += children
        pending += [child.name for child in children]
    return tuple(found)
