# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog as data: each entry is whole, and the keys are those that the fingerprints say."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model.address import file_name
from ansible_collections.burrow.vm.plugins.module_utils._model.catalog import (
    CATALOG,
    CLEAR,
    DETACHED,
    UNSIGNED,
    Entry,
    find_entry,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.names import parse_name
from ansible_collections.burrow.vm.plugins.module_utils._model.openpgp import parse_fingerprint
from ansible_collections.burrow.vm.plugins.module_utils._model.release import ARCHITECTURES, RELEASES, Architecture
from ansible_collections.burrow.vm.plugins.module_utils._model.vendor_keys import vendor_key
from ansible_collections.burrow.vm.plugins.module_utils._model.verification import CHECKSUM, SIGNATURE, of_entry

# (list's name, signature, whether a fingerprint is pinned) of each publisher.
PUBLISHERS = {
    "debian": ("SHA512SUMS", UNSIGNED),
    "ubuntu": ("SHA256SUMS", DETACHED),
    "fedora": ("CHECKSUM", CLEAR),
    "almalinux": ("CHECKSUM", DETACHED),
    "rocky": ("CHECKSUM", DETACHED),
}


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
@pytest.mark.parametrize("entry", CATALOG.values(), ids=CATALOG)
def test_an_entry_is_whole(entry: Entry, architecture: Architecture) -> None:
    publisher, _hyphen, version = entry.name.partition("-")
    listed, signature = PUBLISHERS[publisher]
    assert parse_name(entry.name) == entry.name
    assert find_entry(entry.name) is entry
    assert entry.signature == signature
    trust = of_entry(entry, architecture)
    urls = [entry.address(entry.url, architecture), trust.checksum_url, trust.signature_url]
    assert bool(trust.signature_url) == (signature == DETACHED)
    for url in filter(None, urls):
        assert "{" not in url
        parts = urlsplit(url)
        assert parts.scheme == "https"
        assert parts.netloc == urlsplit(urls[0]).netloc
    assert file_name(trust.checksum_url).endswith(listed)
    assert version.split("-")[0] in urls[0]
    assert architecture.machine in urls[0] or architecture.name in urls[0]
    assert entry.user == publisher
    assert entry.firmware(architecture)[-1] == "efi"
    assert ("bios" in entry.firmware(architecture)) == (architecture.machine == "x86_64")
    assert trust.level == (CHECKSUM if signature == UNSIGNED else SIGNATURE)


@pytest.mark.parametrize("entry", [entry for entry in CATALOG.values() if entry.signature != UNSIGNED], ids=str)
def test_the_key_that_comes_along_is_the_one(entry: Entry) -> None:
    key = vendor_key(entry.fingerprint)
    assert key is not None
    assert parse_fingerprint(entry.fingerprint) == entry.fingerprint
    # RFC 9580, 5.5.4.2: a version 4 fingerprint is SHA-1 over 0x99, the length and the body of the key's packet.
    assert key[0] == 0x99
    body = key[3 : 3 + int.from_bytes(key[1:3], "big")]
    assert body[0] == 4
    assert hashlib.sha1(key[:3] + body).hexdigest().upper() == entry.fingerprint


def test_every_release_that_can_be_built_is_published() -> None:
    assert set(RELEASES) <= set(CATALOG)
    assert all(CATALOG[name].release is release for name, release in RELEASES.items())
    assert CATALOG["debian-13-generic"].kernel == "generic"


def test_a_key_of_nobody() -> None:
    assert vendor_key("0" * 40) is None
