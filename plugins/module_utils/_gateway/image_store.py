# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a hypervisor: one directory for each digest, one small file for each name.

A directory is filled under another name and renamed when it is whole, and only then a name points to it:
whatever ends a run, an image is there as a whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Optional

from .._errors import HostError
from .._model.image import BUILD, DIGEST, Record, read_record
from .._model.paths import Store
from .._model.verification import Verification
from . import files
from .checksum import checksum
from .lock import locked

IMAGE, KERNEL, INITRD, RECORD = "image.qcow2", "vmlinuz", "initrd.img", "record.json"
_INCOMING = ".incoming-"
# Seconds for which an unfinished download is worth its room.
_KEPT = 7 * 24 * 3600.0
# qcow2: magic, version, offset and length of the backing file's name, all big-endian.
_QCOW2_HEAD = struct.Struct(">4sIQI")


class ImageStore:
    """One `<data>`. Changes need the lock of the image's name."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def file(self, digest: str, name: str) -> str:
        return os.path.join(self._store.image(digest), name)

    def find(self, name: str) -> Optional[Record]:
        """What the name stands for, or None when it stands for nothing that is whole."""
        digest = self._digest(name)
        record = None if digest is None else self.record(digest)
        return record if record is not None and self._whole(record) else None

    def record(self, digest: str) -> Optional[Record]:
        """What is noted of an image, whether or not its bits are there."""
        record = read_record(files.read_json(self.file(digest, RECORD)))
        return record if record is not None and record.digest == digest else None

    def begin(self, name: str) -> str:
        """An empty directory to fill. What an earlier run left there, ended half-way, goes."""
        self.clear(name)
        for directory in (self._store.images, self._store.image_names):
            files.make_directory(directory)
        self._sweep()
        part = self._part(name)
        files.make_directory(part, 0o700)
        return part

    def clear(self, name: str) -> None:
        files.remove(self._part(name))

    def incoming(self, name: str) -> str:
        """The directory of a download for the name. It outlives its run, so that the next one can go on with it."""
        return os.path.join(self._store.images, f"{_INCOMING}{name}")

    def publish(self, name: str, directory: str, record: Record) -> None:
        """Make the filled directory the image that name stands for. directory holds the image and its kernel only.

        record knows the checksums of some of its files; the others' are noted here.
        """
        sums = {
            entry: record.files.get(entry) or checksum(os.path.join(directory, entry))
            for entry in os.listdir(directory)
        }
        known = self.record(record.digest)
        # What was fetched is the same by its digest: the better of two proofs holds for both.
        if known is not None and not record.verification.proves(known.verification.level):
            record = replace(record, verification=known.verification)
        record = replace(record, files=sums)
        files.write_json(os.path.join(directory, RECORD), record.document())
        for entry in os.listdir(directory):
            path = os.path.join(directory, entry)
            # Guests' QEMU reads it, and nobody writes it.
            os.chmod(path, 0o444)
            _sync(path)
        target = self._store.image(record.digest)
        with self._shared():
            if self._stands(record):
                self._note(record.digest, record.verification)
            else:
                files.remove(target)
                os.chmod(directory, 0o711)  # noqa: S103 - the user that QEMU runs as passes, and lists nothing
                os.rename(directory, target)
                files.sync_directory(self._store.images)
            earlier = self._digest(name)
            files.write_json(self._store.image_name(name), {"digest": record.digest})
            if earlier is not None and earlier != record.digest:
                self._discard(earlier)

    def _note(self, digest: str, verification: Verification) -> None:
        """Note what proves an image, when it is more than what did."""
        known = self.record(digest)
        if known is not None and not known.verification.proves(verification.level):
            better = replace(known, verification=verification)
            files.write_json(self.file(digest, RECORD), better.document(), 0o444)

    def forget(self, name: str) -> None:
        """Remove the name, and what it stood for when nothing else needs it."""
        with self._shared():
            digest = self._digest(name)
            files.remove(self._store.image_name(name))
            self.clear(name)
            files.remove(self._refused(name))
            files.remove(self.incoming(name))
            if digest is not None:
                self._discard(digest)

    def users(self, digest: str, but: str = "") -> list[str]:
        """Who needs an image: names other than but, and guests' disks that have it behind them."""
        return [f"image {name}" for name in self.names(digest, but)] + self.disks(digest)

    def names(self, digest: str, but: str = "") -> list[str]:
        return [name for name in self._names() if name != but and self._digest(name) == digest]

    def disks(self, digest: str) -> list[str]:
        return self.disks_by_image().get(digest, [])

    def disks_by_image(self) -> dict[str, list[str]]:
        """The disks of guests, by the digest of the image that is behind them."""
        found: dict[str, list[str]] = {}
        for disk in self._disks():
            directory = os.path.dirname(_backing(disk))
            if os.path.dirname(directory) == self._store.images:
                found.setdefault(os.path.basename(directory), []).append(disk)
        return found

    def records(self) -> Iterator[tuple[str, Record]]:
        """The images that are whole, by digest."""
        entries = sorted(os.listdir(self._store.images)) if os.path.isdir(self._store.images) else []
        for digest in filter(DIGEST.fullmatch, entries):
            record = self.record(digest)
            if record is not None and self._whole(record):
                yield digest, record

    def knows(self, name: str) -> bool:
        """Whether there is anything of that name: also a half-made or half-fetched image, or a refused one."""
        places = (self._store.image_name(name), self._part(name), self._refused(name), self.incoming(name))
        return any(map(files.exists, places))

    def digest(self, name: str) -> Optional[str]:
        return self._digest(name)

    def _shared(self) -> AbstractContextManager[None]:
        """The lock for the moment in which names and directories change: two names may share a directory."""
        return locked(self._store.lock("store", "images"))

    def _sweep(self) -> None:
        """Remove downloads that nobody went on with for a week, and that nobody is at."""
        for entry in os.listdir(self._store.images):
            path = os.path.join(self._store.images, entry)
            with contextlib.suppress(FileNotFoundError, HostError):
                if entry.startswith(_INCOMING) and time.time() - _newest(path) > _KEPT:
                    with locked(self._store.lock("image", entry[len(_INCOMING) :]), deadline=0):
                        files.remove(path)

    def _discard(self, digest: str) -> None:
        if not self.users(digest):
            files.remove(self._store.image(digest))

    def _stands(self, record: Record) -> bool:
        """Whether the image is there already. A build of the same digest is the same to a guest, bits or not."""
        known = self.record(record.digest)
        if known is None or not self._whole(known):
            return False
        return record.source == BUILD or known.files == record.files

    def _whole(self, record: Record) -> bool:
        try:
            return os.stat(self.file(record.digest, IMAGE)).st_size == record.size
        except FileNotFoundError:
            return False

    def _part(self, name: str) -> str:
        return os.path.join(self._store.images, f".part-{name}")

    def _refused(self, name: str) -> str:
        return os.path.join(self._store.quarantine, name)

    def _digest(self, name: str) -> Optional[str]:
        document = files.read_json(self._store.image_name(name))
        digest = document.get("digest") if isinstance(document, dict) else None
        return digest if isinstance(digest, str) and DIGEST.fullmatch(digest) else None

    def _names(self) -> Iterator[str]:
        if os.path.isdir(self._store.image_names):
            for entry in sorted(os.listdir(self._store.image_names)):
                if entry.endswith(".json") and not entry.startswith("."):
                    yield entry[: -len(".json")]

    def _disks(self) -> Iterator[str]:
        for directory, _subdirectories, names in os.walk(self._store.guests):
            for name in sorted(names):
                if name.endswith(".qcow2"):
                    yield os.path.join(directory, name)


def _backing(disk: str) -> str:
    """The backing file that a qcow2's header names; a snapshot's base is named in the overlay, so it is found, too."""
    try:
        with open(disk, "rb") as stream:
            magic, _version, offset, length = _QCOW2_HEAD.unpack(stream.read(_QCOW2_HEAD.size))
            if magic != b"QFI\xfb" or not offset or length > 1023:
                return ""
            stream.seek(offset)
            return os.path.normpath(os.path.join(os.path.dirname(disk), os.fsdecode(stream.read(length))))
    except (FileNotFoundError, struct.error):
        return ""


def _newest(directory: str) -> float:
    """When something was last written there."""
    with os.scandir(directory) as entries:
        return max([os.stat(directory).st_mtime, *(entry.stat().st_mtime for entry in entries)])


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
