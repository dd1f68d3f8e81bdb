# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module image takes, and what it refuses before anything changes."""

from __future__ import annotations

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model import recipe
from ansible_collections.burrow.vm.plugins.module_utils._model.image import (
    BUILD,
    FILE,
    PUBLISHED,
    URL,
    Checksum,
    Record,
    listed_checksum,
    parse,
    public_url,
    read_record,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.release import (
    ARCHITECTURES,
    RELEASES,
    Architecture,
    Release,
)

SHA256, SHA512 = "a" * 64, "b" * 128
RECORD = Record(SHA256, "qcow2", 1 << 30, 4096, "x86_64", "url", "https://m/i", {"sha256": SHA256})


@pytest.mark.parametrize(
    ("params", "source"),
    [
        ({"name": "debian-13"}, PUBLISHED),
        ({"name": "debian-13", "source": "build"}, BUILD),
        ({"name": "x", "url": "https://m/i", "checksum": f"sha256:{SHA256}"}, URL),
        ({"name": "debian-13", "url": "https://m/i", "checksum": f"sha256:{SHA256}"}, URL),
        ({"name": "x", "path": "/srv/i.qcow2"}, FILE),
        ({"name": "x", "path": "/srv/i.raw", "format": "raw"}, FILE),
    ],
)
def test_where_an_image_comes_from(params: dict[str, object], source: str) -> None:
    assert parse(params, "x86_64").source == source


@pytest.mark.parametrize(
    ("params", "path", "hint"),
    [
        ({"name": ""}, "name", "1 to 63"),
        ({"name": "a" * 64}, "name", "1 to 63"),
        ({"name": "../x"}, "name", "1 to 63"),
        ({"name": "a b"}, "name", "1 to 63"),
        ({"name": "a\n"}, "name", "1 to 63"),
        ({"name": "-x"}, "name", "1 to 63"),
        ({"name": "debian-31"}, "name", "`debian-1"),
        ({"name": "golden"}, "name", "State `url` or `path`"),
        ({"name": "golden", "source": "build"}, "name", "State `url` or `path`"),
        ({"name": "x", "url": "https://m/i"}, "checksum", "publisher"),
        ({"name": "x", "source": "url"}, "url", "State `url`"),
        ({"name": "x", "source": "file"}, "path", "State `path`"),
        ({"name": "x", "url": "ftp://m/i", "checksum": f"sha256:{SHA256}"}, "url", "https://"),
        ({"name": "x", "url": "file:///etc/shadow", "checksum": f"sha256:{SHA256}"}, "url", "https://"),
        ({"name": "x", "url": "https://[m/i", "checksum": f"sha256:{SHA256}"}, "url", "https://"),
        ({"name": "x", "url": "https://m/i", "path": "/i", "checksum": f"sha256:{SHA256}"}, "path", "once"),
        ({"name": "x", "path": "i.qcow2"}, "path", "begins with /"),
        ({"name": "x", "path": "/i", "checksum": SHA256}, "checksum", "sha256:"),
        ({"name": "x", "path": "/i", "checksum": "md5:" + "a" * 32}, "checksum", "sha256:"),
        ({"name": "x", "path": "/i", "checksum": "sha256:abc"}, "checksum", "sha256:"),
        ({"name": "x", "path": "/i", "checksum": f"sha512:{SHA256}"}, "checksum", "sha256:"),
        ({"name": "x", "path": "/i", "format": "vmdk"}, "format", "qcow2"),
        ({"name": "debian-13", "architecture": "riscv64"}, "architecture", "arm64"),
        ({"name": "debian-13", "architecture": "arm64", "source": "build"}, "architecture", "x86_64"),
        ({"name": "debian-13", "source": "build", "checksum": f"sha256:{SHA256}"}, "checksum", "Leave it out"),
    ],
)
def test_refused(params: dict[str, object], path: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(params, "x86_64")
    assert caught.value.path == path
    assert hint in caught.value.hint


def test_a_login_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(SpecError) as caught:
        parse({"name": "x", "url": "https://joe:secret@m/i", "checksum": f"sha256:{SHA256}"}, "x86_64")
    assert "secret" not in str(caught.value)


def test_absent_needs_a_name_only() -> None:
    assert parse({"name": "whatever", "state": "absent"}, "x86_64").present is False


def test_public_url_has_no_token() -> None:
    assert public_url("https://m/i?token=secret#x") == "https://m/i"


def test_a_record_agrees_with_what_it_was_checked_by() -> None:
    assert RECORD.agrees(None)
    assert RECORD.agrees(Checksum("sha256", SHA256))
    assert not RECORD.agrees(Checksum("sha256", "c" * 64))
    assert not RECORD.agrees(Checksum("sha512", SHA512))


def test_a_record_survives_its_file() -> None:
    assert read_record(RECORD.document()) == RECORD


@pytest.mark.parametrize("document", [None, [], {}, {"digest": "x"}, {**RECORD.document(), "size": None}])
def test_what_is_no_record(document: object) -> None:
    assert read_record(document) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{SHA512}  i.qcow2\n", SHA512),
        (f"{'c' * 128}  other\n{SHA512} *i.qcow2\n", SHA512),
        (f"{SHA256}  i.qcow2\n", None),
        (f"{SHA512}  xi.qcow2\n", None),
        ("<html>", None),
    ],
)
def test_a_list_of_checksums(text: str, expected: str | None) -> None:
    found = listed_checksum(text, "i.qcow2", "sha512")
    assert (found and found.value) == expected


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_tables_are_filled_in(release: Release, architecture: Architecture) -> None:
    texts = [release.url(architecture), release.checksums(architecture), *release.packages_for(architecture)]
    assert not [text for text in texts if "{" in text or " " in text]
    assert release.family.archives[architecture.name]
    assert architecture.console in recipe.command_line(architecture)
    entry = recipe.loader_files(release, architecture, "6.1.0-1")[f"loader/entries/{recipe.ENTRY_NAME}-6.1.0-1.conf"]
    assert f"options {recipe.command_line(architecture)}\n" in entry
