# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that are not what they should be: whose bits changed, and where those go."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .._errors import HostError
from .._model.image import Record
from .._model.paths import Store
from . import files
from .checksum import checksum
from .image_store import RECORD
from .kept_files import named


@dataclass(frozen=True)
class Damage:
    """One file of an image. found is empty for one that is gone or can't be read."""

    file: str
    expected: str
    found: str


def damage(store: Store, record: Record) -> list[Damage]:
    """What of an image isn't any more as its record says."""
    found = {name: _found(os.path.join(store.image(record.digest), name)) for name in sorted(record.files)}
    return [Damage(name, record.files[name], sum_) for name, sum_ in found.items() if sum_ != record.files[name]]


def no_record() -> Damage:
    return Damage(RECORD, "", "")


def quarantine(store: Store, directory: str, entry: str) -> str:
    """Move a directory to where no name, no disk and no run finds it; return its place, which takes one of each entry.

    entry is the digest of an image that was stored, or the name of one that was refused.
    """
    files.make_directory(store.quarantine, 0o700)
    place = os.path.join(store.quarantine, entry)
    files.remove(place)
    with named("move", directory):
        os.rename(directory, place)
    files.sync_directory(store.quarantine)
    files.sync_directory(store.images)
    return place


def _found(path: str) -> str:
    # A disk that fails to read has lost the file, too.
    try:
        return checksum(path)
    except HostError:
        return ""
