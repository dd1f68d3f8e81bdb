# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is of images, in the store and in the catalog: nothing is changed or fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .._gateway.image_store import IMAGE, ImageStore
from .._model.catalog import CATALOG, Entry
from .._model.image import Record
from .._model.names import parse_name
from .._model.paths import DATA, Store
from .._model.release import ARCHITECTURES, Architecture
from .._model.value import absolute_path
from .._model.verification import of_entry
from .._plan import Action, Plan


@dataclass(frozen=True)
class Stored:
    """An image of the store, the names that stand for it, and the guests' disks that need it."""

    record: Record
    path: str
    names: tuple[str, ...]
    disks: tuple[str, ...]


@dataclass(frozen=True)
class ImageInfo:
    """The images of a store, or the one of this name."""

    store: Store
    name: Optional[str] = None

    @property
    def lock(self) -> Optional[str]:
        return None

    def observe(self) -> list[Stored]:
        store = ImageStore(self.store)
        disks = store.disks_by_image()
        found = []
        for digest, record in store.records():
            names = tuple(store.names(digest))
            if self.name is None or self.name in names:
                found.append(Stored(record, store.file(digest, IMAGE), names, tuple(disks.get(digest, ()))))
        return found

    def plan(self, state: list[Stored]) -> Plan:  # noqa: ARG002
        entries = [entry for entry in CATALOG.values() if self.name in (None, entry.name)]
        return Plan(facts={"catalog": [_known(entry) for entry in entries]})

    def perform(self, action: Action) -> None:
        raise AssertionError(f"image_info never acts: {action}")

    def result(self, state: list[Stored], plan: Plan, planned: bool) -> object:  # noqa: ARG002
        return [_shown(stored) for stored in state]


def build(params: Mapping[str, Any]) -> ImageInfo:
    name = params.get("name")
    store = Store(absolute_path(params.get("data") or DATA, "data"))
    return ImageInfo(store, None if name is None else parse_name(name))


def _shown(stored: Stored) -> dict[str, object]:
    record = stored.record
    return {
        "names": list(stored.names),
        "digest": record.digest,
        "path": stored.path,
        "format": record.format,
        "size": record.size,
        "virtual_size": record.virtual_size,
        "architecture": record.architecture,
        "release": record.release,
        "user": record.user,
        "source": record.source,
        "origin": record.origin,
        "packages": list(record.packages),
        "verification": record.verification.document(),
        "disks": list(stored.disks),
    }


def _known(entry: Entry) -> dict[str, object]:
    return {
        "name": entry.name,
        "user": entry.user,
        "verify": of_entry(entry, next(iter(ARCHITECTURES.values()))).level,
        "signature": entry.signature,
        "fingerprint": entry.fingerprint or None,
        "can_be_built": entry.release is not None,
        "architectures": {machine: _published(entry, found) for machine, found in ARCHITECTURES.items()},
    }


def _published(entry: Entry, architecture: Architecture) -> dict[str, object]:
    trust = of_entry(entry, architecture)
    return {
        "url": entry.address(entry.url, architecture),
        "checksum_url": trust.checksum_url,
        "signature_url": trust.signature_url or None,
        "firmware": list(entry.firmware(architecture)),
    }
