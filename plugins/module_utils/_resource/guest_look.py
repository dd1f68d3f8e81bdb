# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there of a guest: its domain, its disk, its seed, and whether it answers."""

from __future__ import annotations

import hashlib
from typing import Optional
from xml.etree import ElementTree as ET

from .._gateway import files, ssh_banner
from .._gateway.addresses import known_addresses
from .._gateway.libvirt import Connection
from .._model.answer import candidates
from .._model.paths import Guest as Place
from .._model.paths import Store
from .._model.preflight import Answered, GuestState, SeedState
from .._xml import metadata

_SSH_PORT = 22
# Seconds. Who needs longer is waited for by guest_ready.
_CONNECT, _BANNER = 1.0, 2.0


def look(connection: Connection, name: str, store: Store) -> GuestState:
    domain = connection.domain(name)
    place = store.guest(name)
    root_disk = files.exists(place.root_disk)
    found = seed(place)
    if domain is None:
        return GuestState(root_disk=root_disk, seed=found)
    root = ET.fromstring(domain.xml)
    return GuestState(
        exists=root_disk,
        owned=metadata.owned(root),
        state=domain.state,
        metadata=_nested(metadata.read(root) or {}),
        root_disk=root_disk,
        seed=found,
        answer=_answer(connection, name, root) if domain.state == "running" else None,
    )


def seed(place: Place) -> Optional[SeedState]:
    """The record is read as it is, without the model that knows what all of it means."""
    record = files.read_json(place.seed_record)
    if not isinstance(record, dict):
        return None
    image = files.read(str(record.get("path")))
    return SeedState(
        asked=str(record.get("asked") or ""),
        user=str((record.get("once") or {}).get("user") or ""),
        host_key=str(record.get("host_key") or ""),
        sealed=bool(record.get("sealed")),
        whole=image is not None and hashlib.sha256(image).hexdigest() == record.get("image"),
    )


def _answer(connection: Connection, name: str, root: ET.Element) -> Optional[Answered]:
    mac = root.find("devices/interface/mac")
    for address in candidates(known_addresses(connection, name), None if mac is None else mac.get("address")):
        reply = ssh_banner.banner(address, _SSH_PORT, _CONNECT, _BANNER)
        if reply.banner is not None:
            return Answered(address, _SSH_PORT, reply.banner)
    return None


def _nested(flat: dict[str, str]) -> dict[str, object]:
    """The metadata as modules return it: digests below a key of their own."""
    head = "digests."
    digests = {name[len(head) :]: value for name, value in flat.items() if name.startswith(head)}
    return {**{name: value for name, value in flat.items() if not name.startswith(head)}, "digests": digests}
