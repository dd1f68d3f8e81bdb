# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything lies on a hypervisor. No other place joins these names."""

from __future__ import annotations

import os.path
from dataclasses import dataclass

DATA = "/var/lib/burrow"
RUN = "/run/burrow"


@dataclass(frozen=True)
class Store:
    """The tree below `data`."""

    data: str = DATA

    @property
    def images(self) -> str:
        return os.path.join(self.data, "images")

    @property
    def image_names(self) -> str:
        return os.path.join(self.images, "names")

    @property
    def quarantine(self) -> str:
        return os.path.join(self.images, "quarantine")

    def image(self, digest: str) -> str:
        return os.path.join(self.images, digest)

    def image_file(self, digest: str) -> str:
        return os.path.join(self.image(digest), "image.qcow2")

    def image_name(self, name: str) -> str:
        return os.path.join(self.image_names, f"{name}.json")

    @property
    def guests(self) -> str:
        return os.path.join(self.data, "guests")

    def guest(self, name: str) -> Guest:
        return Guest(os.path.join(self.guests, name))

    def lock(self, kind: str, name: str) -> str:
        """The lock file of a guest or an image; kind is "guest" or "image"."""
        return os.path.join(self.data, "locks", f"{kind}-{name}")


@dataclass(frozen=True)
class Guest:
    """What belongs to one guest."""

    directory: str

    @property
    def root_disk(self) -> str:
        return os.path.join(self.directory, "root.qcow2")

    def drive(self, name: str) -> str:
        return os.path.join(self.directory, f"drive-{name}.qcow2")

    @property
    def seed(self) -> str:
        # virt-aa-helper (AppArmor) reads only files with the suffixes of disk images.
        return os.path.join(self.directory, "seed.img")

    @property
    def console_log(self) -> str:
        return os.path.join(self.directory, "console.log")

    @property
    def private(self) -> str:
        return os.path.join(self.directory, "private")

    @property
    def seed_record(self) -> str:
        return os.path.join(self.private, "seed.json")

    @property
    def host_key(self) -> str:
        return os.path.join(self.private, "ssh_host_ed25519_key")


def stamp(disk: str) -> str:
    """The stamp beside a disk that the collection made: only what has one is ever deleted."""
    directory, name = os.path.split(disk)
    return os.path.join(directory, f".{name}.burrow")


def share_mount(domain: str, tag: str) -> str:
    """Where a share is bound for its guest, away from every tree that is deleted."""
    return os.path.join(RUN, "shares", domain, tag)
