# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of external snapshots: overlays and memory, each with our stamp beside it, and the chains they make."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import time
from collections.abc import Callable, Collection
from typing import Optional

from .._errors import HostError
from .._model.paths import stamp
from .._model.snapshot import Disk, Overlay
from . import files
from .process import run

_PACKAGE = "qemu-utils"
_OWNER = "burrow.vm"
# Of a disk that isn't ours: module domain removes a domain's disks that are, and with this one go a stranger's data.
_ON_FOREIGN = "burrow.vm/snapshot"
_POLL = 0.2
# of qcow2, in bytes
_HEADER = 72


def overlay(path: str) -> Optional[Overlay]:
    """What our stamp says of the file, or None: then it is none of ours."""
    record = files.read_json(stamp(path))
    if not isinstance(record, dict) or record.get("owner") not in (_OWNER, _ON_FOREIGN):
        return None
    noted = record.get("snapshot")
    if not isinstance(noted, dict):
        return None
    return Overlay(
        domain=str(noted.get("domain", "")),
        snapshot=str(noted.get("name", "")),
        owner=str(record["owner"]),
        origin=str(noted.get("origin", "")),
        frozen=str(noted.get("frozen", "")),
        frozen_format=str(noted.get("frozen_format", "qcow2")),
        merging=noted.get("merging") is True,
        origin_format=str(noted.get("origin_format", "qcow2")),
    )


def origin(path: str) -> str:
    """The disk's file as it was before any snapshot, from which the names of the overlays come."""
    made = overlay(path)
    return made.origin if made is not None and made.origin else path


def is_blank(path: str) -> bool:
    """Whether an overlay holds nothing of its own: what it shows is below it, or it isn't even one yet."""
    if not files.exists(path) or os.path.getsize(path) < _HEADER:
        return True
    extents = json.loads(_image(["map", "-U", "--output=json", "-f", "qcow2", path], "look into the file", path))
    return not any(extent["depth"] == 0 and extent.get("present", True) for extent in extents)


def made_at(path: str) -> int:
    """When our stamp of a file was written, in seconds since 1970."""
    with files.named("look at", stamp(path)):
        return int(os.stat(stamp(path)).st_mtime)


def resting_on(path: str) -> Optional[Overlay]:
    """An overlay of ours right above the file: whoever changes the file changes what the overlay means."""
    directory = os.path.dirname(path)
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(directory)):
            file = os.path.join(directory, name)
            made = overlay(file) if name.endswith(".qcow2") else None
            if made is not None and made.frozen == path:
                return made
    return None


def owner_above(path: str) -> str:
    """Whose an overlay of this file is: it goes with the domain only where the disk would."""
    record = files.read_json(stamp(path))
    known = record.get("owner") if isinstance(record, dict) else None
    return _OWNER if known == _OWNER else _ON_FOREIGN


def write_stamp(path: str, made: Overlay) -> None:
    record = {
        "owner": made.owner,
        "created": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        "format": "qcow2",
        "snapshot": {
            "domain": made.domain,
            "name": made.snapshot,
            "origin": made.origin,
            "origin_format": made.origin_format,
            "frozen": made.frozen,
            "frozen_format": made.frozen_format,
            "merging": made.merging,
        },
    }
    files.write_json(stamp(path), record, 0o600)


def free_path(candidate: Callable[[int], str], domain: str, used: Collection[str]) -> str:
    """The first name that is free, or taken by what an interrupted run of this domain left."""
    number = 0
    while True:
        path = candidate(number)
        made = overlay(path)
        left = made is not None and made.domain == domain and path not in used
        if left or not (files.exists(path) or files.exists(stamp(path))):
            return path
        number += 1


def remove(path: str) -> None:
    """Remove a file that has our stamp, and then the stamp: an interrupted removal can be repeated."""
    if overlay(path) is not None:
        files.remove(path)
        files.remove(stamp(path))


def chain(path: str, kind: str) -> tuple[str, ...]:
    """The file and those below it, by their own headers; empty where there is none. The guest may run.

    A raw disk's content is the guest's own, and nothing in it is believed.
    """
    if not os.path.isfile(path):
        return ()
    if kind != "qcow2":
        return (path,)
    arguments = ["info", "-U", "--backing-chain", "--output=json", "-f", kind, path]
    found = json.loads(_image(arguments, "look into the chain of files", path))
    return tuple(str(item["filename"]) for item in found)


def make_overlay(path: str, frozen: str, kind: str) -> None:
    """An overlay as libvirt makes it: of the size of what is below, whose format its header states."""
    _image(["create", "-q", "-f", "qcow2", "-b", frozen, "-F", kind, path], "make the overlay", path)
    with files.named("make the overlay", path):
        os.chmod(path, 0o600)


def commit(top: str, base: str, timeout: float) -> None:
    """Merge a stopped guest's file into the one below. It can be repeated: top stays as it is.

    A qemu-img that a killed run left behind works on, and is waited for.
    """
    end = time.monotonic() + timeout
    while _written(top):
        if time.monotonic() >= end:
            cause = "a process that libvirt does not know writes into it"
            raise HostError("merge the file", top, cause, "Look for it (fuser), end it, and run this again.", "in_use")
        time.sleep(_POLL)
    left = max(end - time.monotonic(), 1.0)
    _image(["commit", "-q", "-d", "-f", "qcow2", "-b", base, top], "merge the file", top, left)


def _written(path: str) -> bool:
    """Whether somebody has the file open to write: a look that takes QEMU's lock fails, and one without does not."""
    looks = (["info", "-f", "qcow2", path], ["info", "-U", "-f", "qcow2", path])
    return [_succeeds(arguments) for arguments in looks] == [False, True]


def _succeeds(arguments: list[str]) -> bool:
    try:
        _image(arguments, "look into the file", arguments[-1])
    except HostError as error:
        if error.code != "host":
            raise
        return False
    return True


def rebase(path: str, frozen: str, kind: str) -> None:
    """Let an overlay name another file as the one below. Nothing is copied: they have to have the same content."""
    _image(["rebase", "-q", "-u", "-f", "qcow2", "-b", frozen, "-F", kind, path], "name the file below", path)


def _image(arguments: list[str], operation: str, path: str, timeout: float = 60.0) -> bytes:
    return run(["qemu-img", *arguments], operation=operation, obj=path, timeout=timeout, package=_PACKAGE)


def chain_of(disk: Disk) -> tuple[str, ...]:
    """The files of a domain's disk, from the one that is written downwards."""
    return chain(disk.source, disk.format) if disk.type == "file" and disk.source else ()


def existing(paths: Collection[str]) -> frozenset[str]:
    return frozenset(path for path in paths if files.exists(path))
