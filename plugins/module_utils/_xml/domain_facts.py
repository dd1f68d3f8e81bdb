# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a domain and is no option of it: where its disks lie, and its agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional
from xml.etree.ElementTree import Element

from .tree import get, parse

_AGENT = "devices/channel/target[@name='org.qemu.guest_agent.0']"
# What <source> may name, by the type of the disk.
_SOURCES = ("file", "dev", "dir", "volume", "name")


@dataclass(frozen=True)
class DiskPlace:
    """name is that of option disks, target libvirt's. source: a path, or None of an empty drive."""

    name: str
    target: str
    source: Optional[str]
    readonly: bool


def disk_places(text: str) -> tuple[DiskPlace, ...]:
    return tuple(_disk_place(disk) for disk in parse(text).findall("devices/disk"))


def _disk_place(disk: Element) -> DiskPlace:
    target = get(disk, "target@dev") or ""
    sources = (get(disk, f"source@{attribute}") for attribute in _SOURCES)
    return DiskPlace(
        name=get(disk, "serial") or target,
        target=target,
        source=next((source for source in sources if source), None),
        readonly=disk.find("readonly") is not None,
    )


def files_below(text: str) -> tuple[str, ...]:
    """What the disks of a definition rest on, as far down as it says: images, and what snapshots keep."""
    sources = (get(store, "source@file") for store in parse(text).iterfind("devices/disk//backingStore"))
    return tuple(source for source in sources if source)


def agent_answers(text: str) -> bool:
    """Whether a running guest has a guest agent that opened its channel."""
    return any(target.get("state") == "connected" for target in parse(text).findall(_AGENT))
