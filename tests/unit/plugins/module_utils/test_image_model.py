# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module image takes, and what it refuses before anything changes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model import recipe
from ansible_collections.burrow.vm.plugins.module_utils._model.address import public_url
from ansible_collections.burrow.vm.plugins.module_utils._model.image import (
    BUILD,
    FILE,
    PUBLISHED,
    STORED,
    URL,
    Record,
    parse,
    read_record,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.release import (
    ARCHITECTURES,
    KERNELS,
    RELEASES,
    Architecture,
    Content,
    Release,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.transfer import Transfer

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
        ({"name": "x"}, STORED),
        ({"name": "x", "release": "debian-13"}, PUBLISHED),
        ({"name": "x", "release": "debian-13", "packages": ["git"]}, BUILD),
        ({"name": "x", "release": "debian-13", "packages": []}, BUILD),
        ({"name": "debian-13", "kernel": "generic"}, BUILD),
        ({"name": "debian-13-generic"}, PUBLISHED),
        ({"name": "fedora-44"}, PUBLISHED),
        ({"name": "x", "release": "rocky-9"}, PUBLISHED),
        ({"name": "x", "url": "https://m/i", "checksum_url": "https://m/SUMS"}, URL),
        ({"name": "x", "url": "https://m/i", "verify": "none"}, URL),
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
        ({"name": "debian-31", "source": "build"}, "name", "`debian-1"),
        ({"name": "golden", "source": "build"}, "name", "State `release`, `url` or `path`"),
        ({"name": "golden", "kernel": "cloud"}, "name", "State `release`"),
        ({"name": "x", "release": "debian-31"}, "release", "`debian-1"),
        ({"name": "x", "release": "trixie"}, "release", "debian-13"),
        ({"name": "x", "release": "debian-13", "path": "/i"}, "release", "leave out `path`"),
        ({"name": "x", "packages": ["git"], "path": "/i"}, "packages", "leave out `path`"),
        ({"name": "x", "packages": [], "path": "/i"}, "packages", "leave out `path`"),
        (
            {"name": "x", "kernel": "cloud", "url": "https://m/i", "checksum": f"sha256:{SHA256}"},
            "kernel",
            "leave out `url`",
        ),
        ({"name": "debian-13", "packages": ["git", "systemd-"]}, "packages[1]", "no version"),
        ({"name": "debian-13", "packages": ["git=1.0"]}, "packages[0]", "no version"),
        ({"name": "debian-13", "packages": ["git,curl"]}, "packages[0]", "no version"),
        ({"name": "debian-13", "packages": ["--help"]}, "packages[0]", "no version"),
        ({"name": "debian-13", "packages": ["Git"]}, "packages[0]", "no version"),
        ({"name": "debian-13", "packages": ["linux-image-amd64"]}, "packages[0]", "`kernel`"),
        ({"name": "debian-13", "kernel": "realtime"}, "kernel", "generic"),
        ({"name": "debian-13", "packages": ["git"], "checksum": f"sha256:{SHA256}"}, "checksum", "Leave it out"),
        ({"name": "debian-13", "packages": ["git"], "architecture": "arm64"}, "architecture", "x86_64"),
        ({"name": "x", "url": "https://m/i"}, "checksum", "publisher"),
        ({"name": "x", "source": "url"}, "url", "State `url`"),
        ({"name": "x", "source": "file"}, "path", "State `path`"),
        ({"name": "x", "url": "ftp://m/i", "checksum": f"sha256:{SHA256}"}, "url", "https://"),
        ({"name": "x", "url": "file:///etc/shadow", "checksum": f"sha256:{SHA256}"}, "url", "https://"),
        ({"name": "x", "url": "https://[m/i", "checksum": f"sha256:{SHA256}"}, "url", "https://"),
        ({"name": "x", "url": "https://m:99999/i"}, "url", "https://"),
        ({"name": "debian-13", "mirrors": ["https://m/i/", "m"]}, "mirrors[1]", "https://"),
        ({"name": "debian-13", "mirrors": ["https://joe:secret@m/i/"]}, "mirrors[0]", "login out"),
        ({"name": "debian-13", "timeout": 0}, "timeout", "from 1"),
        ({"name": "debian-13", "url_username": "joe"}, "url_password", "both"),
        ({"name": "debian-13", "url_password": "secret"}, "url_username", "both"),
        ({"name": "debian-13", "url_username": "joe", "url_password": "secret"}, "url_username", "State `url`"),
        ({"name": "x", "url": "http://m/i", "url_username": "joe", "url_password": ""}, "url_username", "https"),
        ({"name": "x", "url": "https://m/i", "url_username": "a:b", "url_password": ""}, "url_username", "alone"),
        ({"name": "x", "url": "https://m/i", "path": "/i", "checksum": f"sha256:{SHA256}"}, "path", "once"),
        ({"name": "x", "path": "i.qcow2"}, "path", "begins with /"),
        ({"name": "x", "path": "/i", "checksum": SHA256}, "checksum", "sha256:"),
        ({"name": "x", "path": "/i", "checksum": "md5:" + "a" * 32}, "checksum", "sha256:"),
        ({"name": "x", "path": "/i", "checksum": "sha256:abc"}, "checksum", "sha256:"),
        ({"name": "x", "path": "/i", "checksum": f"sha512:{SHA256}"}, "checksum", "sha256:"),
        ({"name": "x", "path": "/i", "format": "vdi"}, "format", "vmdk"),
        ({"name": "debian-13", "architecture": "riscv64"}, "architecture", "arm64"),
        ({"name": "debian-13", "architecture": "arm64", "source": "build"}, "architecture", "x86_64"),
        ({"name": "debian-13", "source": "build", "checksum": f"sha256:{SHA256}"}, "checksum", "Leave it out"),
        ({"name": "debian-13", "source": "build", "verify": "checksum"}, "verify", "Leave it out"),
        ({"name": "debian-13", "source": "build", "key": "/k"}, "key", "apt verifies"),
        ({"name": "fedora-44", "source": "build"}, "source", "Built are debian-12"),
        ({"name": "fedora-44", "packages": ["git"]}, "packages", "Built are debian-12"),
        ({"name": "fedora-44", "kernel": "cloud"}, "kernel", "Built are debian-12"),
        ({"name": "fedora-4", "source": "build"}, "name", "`fedora-4"),
        ({"name": "debian-13", "checksum_url": "https://m/S"}, "checksum_url", "State `url`"),
        ({"name": "x", "key": "/k"}, "key", "State `url`"),
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


def test_where_a_download_asks() -> None:
    asked = {"name": "x", "url": "https://m/a/i.xz?token=t", "checksum": f"sha256:{SHA256}", "timeout": "5"}
    transfer = parse({**asked, "mirrors": ["http://n/pool/", "https://o/other"]}, "x86_64").transfer
    assert transfer.addresses("https://m/a/i.xz?token=t") == (
        "http://n/pool/i.xz",
        "https://o/other",
        "https://m/a/i.xz?token=t",
    )
    assert (transfer.timeout, transfer.login) == (5, None)
    assert parse({"name": "x"}, "x86_64").transfer == Transfer((), None, 3600)


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://m/other", True),
        ("https://M:443/i", True),
        ("http://m/i", False),
        ("https://m:8443/i", False),
        ("https://n/i", False),
        ("https://m.n/i", False),
    ],
)
def test_a_login_is_for_one_server(url: str, sent: bool) -> None:
    asked = {"name": "x", "url": "https://m/i", "checksum": f"sha256:{SHA256}"}
    request = parse({**asked, "url_username": "joe", "url_password": "secret"}, "x86_64")
    assert "secret" not in repr(request)
    login = request.transfer.login
    assert login is not None
    assert (login.header(url) is not None) is sent


def test_absent_needs_a_name_only() -> None:
    assert parse({"name": "whatever", "state": "absent"}, "x86_64").present is False


def test_public_url_has_no_token() -> None:
    assert public_url("https://m/i?token=secret#x") == "https://m/i"


def test_a_record_agrees_with_what_it_was_checked_by() -> None:
    asked = {"name": "x", "path": "/i"}
    assert RECORD.agrees(parse(asked, "x86_64"))
    assert RECORD.agrees(parse({**asked, "checksum": f"sha256:{SHA256.upper()}"}, "x86_64"))
    assert not RECORD.agrees(parse({**asked, "checksum": f"sha256:{'c' * 64}"}, "x86_64"))
    assert not RECORD.agrees(parse({**asked, "checksum": f"sha512:{SHA512}"}, "x86_64"))


@pytest.mark.parametrize(
    ("asked", "agrees"),
    [
        ({}, True),
        ({"release": "debian-13"}, True),
        ({"release": "debian-12"}, False),
        ({"release": "debian-13", "packages": ["rsync", "git", "git"]}, True),
        ({"release": "debian-13", "packages": ["git"]}, False),
        ({"release": "debian-13", "packages": []}, False),
        ({"release": "debian-13", "kernel": "generic"}, True),
        ({"release": "debian-13", "kernel": "cloud"}, False),
        ({"release": "debian-13", "packages": ["git", "rsync"], "kernel": "generic"}, True),
    ],
)
def test_a_record_agrees_with_what_it_was_built_of(asked: dict[str, object], agrees: bool) -> None:
    built = replace(RECORD, source="build", release="debian-13", packages=("git", "rsync"), flavour="generic")
    stored = read_record(json.loads(json.dumps(built.document())))
    assert stored is not None
    assert stored.agrees(parse({"name": "x", **asked}, "x86_64")) is agrees


def test_a_downloaded_image_is_none_of_chosen_content() -> None:
    published = replace(RECORD, release="debian-13")
    assert published.agrees(parse({"name": "x", "release": "debian-13"}, "x86_64"))
    assert not published.agrees(parse({"name": "x", "release": "debian-13", "kernel": "cloud"}, "x86_64"))


def test_a_build_of_an_earlier_version_has_the_usual_content() -> None:
    earlier = {key: value for key, value in RECORD.document().items() if key not in ("packages", "flavour")}
    record = read_record({**earlier, "source": "build", "release": "debian-13"})
    assert record is not None
    assert record.agrees(parse({"name": "debian-13", "packages": [], "kernel": "cloud"}, "x86_64"))
    assert not record.agrees(parse({"name": "debian-13", "kernel": "generic"}, "x86_64"))


def test_a_record_survives_its_file() -> None:
    assert read_record(RECORD.document()) == RECORD


@pytest.mark.parametrize(
    "document",
    [
        *(None, [], {}, {"digest": "x"}, {**RECORD.document(), "size": None}, {**RECORD.document(), "files": "x"}),
        *({**RECORD.document(), "digest": digest} for digest in ("../../../etc", SHA512, None, [SHA256])),
    ],
)
def test_what_is_no_record(document: object) -> None:
    assert read_record(document) is None


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_tables_are_filled_in(release: Release, architecture: Architecture) -> None:
    packages = [package for kernel in KERNELS for package in release.packages_for(architecture, Content(kernel=kernel))]
    assert not [package for package in packages if "{" in package or " " in package]
    assert release.family.archives[architecture.name]
    assert architecture.console in recipe.command_line(architecture)
    entry = recipe.loader_files(release, architecture, "6.1.0-1")[f"loader/entries/{recipe.ENTRY_NAME}-6.1.0-1.conf"]
    assert f"options {recipe.command_line(architecture)}\n" in entry


def test_packages_are_asked_for_once() -> None:
    packages = RELEASES["debian-13"].packages_for(ARCHITECTURES["x86_64"], Content(("git", "sudo"), "generic"))
    assert packages[0] == "linux-image-amd64"
    assert packages[-1] == "git"
    assert packages.count("sudo") == 1


def test_what_was_chosen_is_part_of_a_digest() -> None:
    assert recipe.identity(Content()) == f"burrow recipe {recipe.VERSION}\n"
    # sudo is in every image: only its being asked for differs.
    assert recipe.identity(Content(("sudo",))) != recipe.identity(Content())


def test_no_boot_sleeps_before_it_looks_for_its_root_disk() -> None:
    # initramfs-tools takes rootdelay= for a time to sleep, and not only for the longest to wait.
    assert not [found for found in ARCHITECTURES.values() if "rootdelay" in recipe.command_line(found)]
    script = recipe.early_files()["etc/initramfs-tools/scripts/local-top/burrow"]
    assert script.startswith("#!/bin/sh\n")
    assert "ROOTDELAY=" in script
