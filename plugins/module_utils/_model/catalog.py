# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that are known by name: who publishes them where, and what proves that they did.

A further image is a row in these tables. Each fingerprint was found in two places that don't rely on each other, the
publisher's own word among them; the keys themselves are in vendor_keys.py.

Ubuntu   D2EB..7C81: Debian's package ubuntu-keyring; the signer of cloud-images.ubuntu.com's lists of September 2026
Fedora   C6E7..5531, 36F6..90A6: Debian's package distribution-gpg-keys; https://fedoraproject.org/security
Alma     BF18..3716, EE6D..E572: Debian's package distribution-gpg-keys; https://almalinux.org/security
Rocky    21CB..275D, FC22..FC85: Debian's package distribution-gpg-keys; https://rockylinux.org/resources/gpg-key-info
Debian   signs no lists of cloud images (SHA512SUMS.sign is not there): what proves them is HTTPS and the checksum
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from .release import CLOUD, GENERIC, RELEASES, Architecture, Release

UNSIGNED, DETACHED, CLEAR = "none", "detached", "clear-signed"
BIOS, EFI = "bios", "efi"


@dataclass(frozen=True)
class Entry:
    """One image. url, checksum_url and signature_url are for str.format, with the words of _words.

    signature is the kind of the list's: at an address of its own, or in the list itself. release is what the same
    image is built of where it can't be fetched, with that kernel; None where it can't be built.
    """

    name: str
    url: str
    checksum_url: str
    user: str
    signature: str = UNSIGNED
    signature_url: str = ""
    fingerprint: str = ""
    release: Optional[Release] = None
    kernel: str = CLOUD

    def address(self, template: str, architecture: Architecture) -> str:
        """url, checksum_url or signature_url, filled in."""
        return template.format(**_words(architecture))

    def firmware(self, architecture: Architecture) -> tuple[str, ...]:
        """What boots it. Machines of arm64 have no BIOS."""
        return (BIOS, EFI) if architecture.machine == "x86_64" else (EFI,)


def _words(architecture: Architecture) -> Mapping[str, str]:
    return {"arch": architecture.name, "machine": architecture.machine}


def _debian(version: str, variant: str, name: str, kernel: str) -> Entry:
    release = RELEASES[f"debian-{version}"]
    base = f"https://cloud.debian.org/images/cloud/{release.codename}/latest"
    return Entry(
        name,
        f"{base}/debian-{version}-{variant}-{{arch}}.qcow2",
        f"{base}/SHA512SUMS",
        "debian",
        release=release,
        kernel=kernel,
    )


def _ubuntu(version: str) -> Entry:
    base = f"https://cloud-images.ubuntu.com/releases/{version}/release"
    return Entry(
        f"ubuntu-{version}",
        f"{base}/ubuntu-{version}-server-cloudimg-{{arch}}.img",
        f"{base}/SHA256SUMS",
        "ubuntu",
        DETACHED,
        f"{base}/SHA256SUMS.gpg",
        "D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81",
        RELEASES[f"ubuntu-{version}"],
    )


def _fedora(version: str, compose: str, fingerprint: str) -> Entry:
    # The master itself: download.fedoraproject.org sends elsewhere, to some mirrors without TLS.
    base = f"https://dl.fedoraproject.org/pub/fedora/linux/releases/{version}/Cloud/{{machine}}/images"
    return Entry(
        f"fedora-{version}",
        f"{base}/Fedora-Cloud-Base-Generic-{version}-{compose}.{{machine}}.qcow2",
        f"{base}/Fedora-Cloud-{version}-{compose}-{{machine}}-CHECKSUM",
        "fedora",
        CLEAR,
        fingerprint=fingerprint,
    )


def _alma(version: str, fingerprint: str) -> Entry:
    base = f"https://repo.almalinux.org/almalinux/{version}/cloud/{{machine}}/images"
    return Entry(
        f"almalinux-{version}",
        f"{base}/AlmaLinux-{version}-GenericCloud-latest.{{machine}}.qcow2",
        f"{base}/CHECKSUM",
        "almalinux",
        DETACHED,
        f"{base}/CHECKSUM.asc",
        fingerprint,
    )


def _rocky(version: str, fingerprint: str) -> Entry:
    base = f"https://dl.rockylinux.org/pub/rocky/{version}/images/{{machine}}"
    return Entry(
        f"rocky-{version}",
        f"{base}/Rocky-{version}-GenericCloud-Base.latest.{{machine}}.qcow2",
        f"{base}/CHECKSUM",
        "rocky",
        DETACHED,
        f"{base}/CHECKSUM.asc",
        fingerprint,
    )


CATALOG: Mapping[str, Entry] = {
    entry.name: entry
    for entry in (
        _debian("12", "genericcloud", "debian-12", CLOUD),
        _debian("12", "generic", "debian-12-generic", GENERIC),
        _debian("13", "genericcloud", "debian-13", CLOUD),
        _debian("13", "generic", "debian-13-generic", GENERIC),
        _ubuntu("22.04"),
        _ubuntu("24.04"),
        _fedora("43", "1.6", "C6E7F081CF80E13146676E88829B606631645531"),
        _fedora("44", "1.7", "36F612DCF27F7D1A48A835E4DBFCF71C6D9F90A6"),
        _alma("9", "BF18AC2876178908D6E71267D36CB86CB86B3716"),
        _alma("10", "EE6DB7B98F5BF5EDD9DA0DE5DEE5C11CC2A1E572"),
        _rocky("9", "21CB256AE16FC54C6E652949702D426D350D275D"),
        _rocky("10", "FC226859C0860BF0DDB95B085B106C736FEDFC85"),
    )
}


def find_entry(name: str) -> Optional[Entry]:
    """The entry of that name, or None when it is a name of the user's own."""
    return CATALOG.get(name)
