# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The distribution releases that `image` builds: what they are made of, and from where.

A further release or architecture is a row in these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from .._errors import SpecError


@dataclass(frozen=True)
class Architecture:
    """machine is what uname says; name is Debian's word for it."""

    machine: str
    name: str
    efi: str  # systemd-boot<efi>.efi; BOOT<EFI>.EFI is the name UEFI looks for on a removable disk
    console: str  # the serial port that QEMU's usual machine has
    root_type: str  # GPT type by which systemd finds the root partition


ARCHITECTURES: Mapping[str, Architecture] = {
    architecture.machine: architecture
    for architecture in (
        Architecture("x86_64", "amd64", "x64", "ttyS0", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"),
        Architecture("aarch64", "arm64", "aa64", "ttyAMA0", "B921B045-1DF0-41C3-AF44-4C6F280D3FAE"),
    )
}

_ALIASES = {architecture.name: machine for machine, architecture in ARCHITECTURES.items()}


@dataclass(frozen=True)
class Family:
    """What the releases of one distribution share."""

    name: str
    components: tuple[str, ...]
    keyring: str
    # The public archive and its security twin, for guests that can't use the host's own mirror.
    archives: Mapping[str, tuple[str, str]]


FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family(
            "debian",
            ("main",),
            "/usr/share/keyrings/debian-archive-keyring.gpg",
            dict.fromkeys(
                ("amd64", "arm64"), ("http://deb.debian.org/debian", "http://deb.debian.org/debian-security")
            ),
        ),
        Family(
            "ubuntu",
            ("main", "universe"),
            "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
            {
                "amd64": ("http://archive.ubuntu.com/ubuntu", "http://security.ubuntu.com/ubuntu"),
                "arm64": ("http://ports.ubuntu.com/ubuntu-ports", "http://ports.ubuntu.com/ubuntu-ports"),
            },
        ),
    )
}

# In every built image; the rest of a system comes by their dependencies.
_PACKAGES = (
    "ca-certificates",
    "cloud-guest-utils",
    "cloud-init",
    "dbus",
    "dosfstools",
    "e2fsprogs",
    "fdisk",
    "initramfs-tools",
    "iproute2",
    "iputils-ping",
    "kmod",
    "less",
    "libpam-systemd",
    "locales",
    "netbase",
    "netplan.io",
    "openssh-server",
    "procps",
    "qemu-guest-agent",
    "sudo",
    "systemd-sysv",
    "systemd-timesyncd",
    "tzdata",
    "udev",
    "zstd",
)


CLOUD, GENERIC = "cloud", "generic"
KERNELS = (CLOUD, GENERIC)


@dataclass(frozen=True)
class Content:
    """What a user may choose of a built image: packages besides those above, in their order by name, and the kernel."""

    packages: tuple[str, ...] = ()
    kernel: str = CLOUD


DEFAULT_CONTENT = Content()


@dataclass(frozen=True)
class Release:
    """One release. kernels are by flavour and for str.format; packages are those of this release alone."""

    family: Family
    version: str
    codename: str
    kernels: Mapping[str, str]
    packages: tuple[str, ...] = ("systemd-boot", "systemd-boot-efi", "systemd-resolved")
    deb822: bool = True  # the format in which the release's own tools write apt's sources

    @property
    def name(self) -> str:
        return f"{self.family.name}-{self.version}"

    def packages_for(self, architecture: Architecture, content: Content = DEFAULT_CONTENT) -> tuple[str, ...]:
        """All that is asked for by name, each once."""
        kernel = self._fill(self.kernels[content.kernel], architecture)
        return tuple(dict.fromkeys((kernel, *_PACKAGES, *self.packages, *content.packages)))

    def _fill(self, template: str, architecture: Architecture) -> str:
        return template.format(arch=architecture.name)


_DEBIAN, _UBUNTU = FAMILIES["debian"], FAMILIES["ubuntu"]
# The cloud kernels lack what only machines of metal have: AHCI, USB, graphics, sound.
_DEBIAN_KERNELS = {CLOUD: "linux-image-cloud-{arch}", GENERIC: "linux-image-{arch}"}
_UBUNTU_KERNELS = {CLOUD: "linux-image-virtual", GENERIC: "linux-image-generic"}
RELEASES: Mapping[str, Release] = {
    release.name: release
    for release in (
        Release(_DEBIAN, "12", "bookworm", _DEBIAN_KERNELS, deb822=False),
        Release(_DEBIAN, "13", "trixie", _DEBIAN_KERNELS),
        # systemd's own package still holds systemd-boot and systemd-resolved.
        Release(_UBUNTU, "22.04", "jammy", _UBUNTU_KERNELS, (), deb822=False),
        Release(_UBUNTU, "24.04", "noble", _UBUNTU_KERNELS),
    )
}


def find_release(name: str) -> Optional[Release]:
    """The release of that name, or None when there is none."""
    return RELEASES.get(name)


def parse_architecture(value: str, path: str = "architecture") -> Architecture:
    """An architecture by uname's or by Debian's name."""
    found = ARCHITECTURES.get(_ALIASES.get(value, value))
    if found is None:
        known = ", ".join(sorted([*ARCHITECTURES, *_ALIASES]))
        raise SpecError(path, f"{value[:40]!r} is not known", f"Use one of {known}.")
    return found
