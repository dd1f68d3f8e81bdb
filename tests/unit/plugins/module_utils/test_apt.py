# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's package sources, in both formats, and what a build makes of them."""

from __future__ import annotations

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model.apt import (
    Source,
    for_guest,
    mirror,
    parse_deb822,
    parse_list,
    resolve_mirrorlist,
    split_login,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.release import ARCHITECTURES, RELEASES

AMD64, ARM64 = ARCHITECTURES["x86_64"], ARCHITECTURES["aarch64"]
BOOKWORM, TRIXIE, NOBLE = RELEASES["debian-12"], RELEASES["debian-13"], RELEASES["ubuntu-24.04"]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
DEB822 = """\
# Made by the installer.
Types: deb deb-src
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""


def main_of(uri: str, suite: str, **more: object) -> Source:
    return Source(uri, suite, ("main",), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("deb http://m/debian bookworm main", [main_of("http://m/debian", "bookworm")]),
        ("deb http://m/debian/ bookworm main # comment", [main_of("http://m/debian", "bookworm")]),
        (
            "deb [arch=amd64 signed-by=/k.gpg,/l.gpg] https://m/debian bookworm main contrib",
            [Source("https://m/debian", "bookworm", ("main", "contrib"), "/k.gpg")],
        ),
        (
            "deb http://joe:s%40cret@m/debian bookworm main",
            [main_of("http://m/debian", "bookworm", login=("joe", "s@cret"))],
        ),
        ("deb http://m/flat ./", [Source("http://m/flat", "./")]),
        ("deb-src http://m/debian bookworm main", []),
        ("# deb http://m/debian bookworm main", []),
        ("nonsense", []),
        ("", []),
    ],
)
def test_one_line_format(line: str, expected: list[Source]) -> None:
    assert list(parse_list(line)) == expected


def test_deb822_takes_enabled_binary_sources() -> None:
    assert [(source.uri, source.suite, source.components) for source in parse_deb822(DEB822)] == [
        ("http://mirror.example/debian", "bookworm", ("main", "contrib")),
        ("http://mirror.example/debian", "bookworm-updates", ("main", "contrib")),
        ("http://mirror.example/debian-security", "bookworm-security", ("main",)),
    ]


def test_deb822_takes_a_key_written_out() -> None:
    text = (
        "Types: deb\nURIs: http://m/d\nSuites: trixie\nComponents: main\n"
        "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----\n"
    )
    (source,) = parse_deb822(text)
    assert source.keyring.splitlines() == [
        "-----BEGIN PGP PUBLIC KEY BLOCK-----",
        "",
        "mQINBF",
        "-----END PGP PUBLIC KEY BLOCK-----",
    ]


def test_a_login_never_shows() -> None:
    (source,) = parse_list("deb http://joe:secret@m/debian bookworm main")
    shown = repr(source) + source.line(KEYRING) + source.stanza(KEYRING)
    assert "secret" not in shown
    assert "joe" not in shown


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://m:8080/d", ("http://m:8080/d", None)),
        ("https://joe:a%3Ab@m:8080/d", ("https://m:8080/d", ("joe", "a:b"))),
        ("https://token@m/d", ("https://m/d", ("token", ""))),
    ],
)
def test_split_login(uri: str, expected: tuple[str, object]) -> None:
    assert split_login(uri) == expected


def test_a_mirror_list_gives_its_first_address() -> None:
    source = main_of("mirror+file:/etc/apt/mirrors/debian.list", "bookworm")
    text = "# ours\nhttps://a.example/debian/ priority:1\nhttps://b.example/debian\n"
    assert resolve_mirrorlist(source, text).uri == "https://a.example/debian"
    assert resolve_mirrorlist(source, "# none\n") == source


def test_another_release_comes_from_the_same_mirror() -> None:
    found = mirror(TRIXIE, parse_deb822(DEB822), {})
    assert [(source.uri, source.suite, source.components, source.keyring) for source in found] == [
        ("http://mirror.example/debian", "trixie", ("main",), KEYRING),
        ("http://mirror.example/debian", "trixie-updates", ("main",), KEYRING),
        ("http://mirror.example/debian-security", "trixie-security", ("main",), KEYRING),
    ]


@pytest.mark.parametrize(
    ("sources", "origins", "expected"),
    [
        # What a mirror lacks is not asked of it.
        ([main_of("http://m/debian", "bookworm")], {}, ["trixie"]),
        # A third party's `stable main` is not Debian's, as apt knows.
        (
            [main_of("http://third/apt", "stable"), main_of("http://m/debian", "stable")],
            {("http://third/apt", "stable"): "Third", ("http://m/debian", "stable"): "Debian"},
            ["trixie"],
        ),
        ([main_of("http://third/apt", "stable")], {("http://third/apt", "stable"): "Third"}, []),
        # Without apt's lists a codename is the better sign.
        ([main_of("http://third/apt", "stable"), main_of("http://m/debian", "bookworm")], {}, ["trixie"]),
        ([main_of("http://m/debian", "bookworm-security")], {}, []),
        ([Source("http://m/debian", "bookworm", ("contrib",))], {}, []),
        ([main_of("cdrom:[Debian]/", "bookworm")], {}, []),
        ([main_of("http://apt.example", "bookworm-pgdg")], {}, []),
        ([], {}, []),
    ],
)
def test_which_archives_count(sources: list[Source], origins: dict[tuple[str, str], str], expected: list[str]) -> None:
    found = mirror(TRIXIE, sources, origins)
    assert [source.suite for source in found] == expected
    assert all(source.uri == "http://m/debian" for source in found)


def test_debian_is_not_built_from_ubuntus_archive() -> None:
    sources = [main_of("http://m/ubuntu", "noble")]
    assert mirror(TRIXIE, sources, {("http://m/ubuntu", "noble"): "Ubuntu"}) == ()
    assert [source.components for source in mirror(NOBLE, sources, {})] == [("main", "universe")]


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        (main_of("http://m/debian", "trixie", keyring=KEYRING), "http://m/debian"),
        (main_of("http://localhost:3142/debian", "trixie"), "http://deb.debian.org/debian"),
        (main_of("file:/srv/mirror", "trixie"), "http://deb.debian.org/debian"),
        (main_of("http://m/debian", "trixie", login=("joe", "secret")), "http://deb.debian.org/debian"),
        (
            main_of("http://m/s", "trixie-security", login=("joe", "secret")),
            "http://deb.debian.org/debian-security",
        ),
    ],
)
def test_a_guest_gets_sources_that_it_can_reach(source: Source, uri: str) -> None:
    guest = for_guest(TRIXIE, AMD64, source)
    assert (guest.uri, guest.login) == (uri, None)


def test_a_guest_has_the_distributions_keys_by_their_own_name() -> None:
    renamed = main_of("http://m/debian", "bookworm", keyring="/usr/share/keyrings/debian-archive-keyring.pgp")
    own = main_of("http://m/debian", "bookworm", keyring="/etc/apt/keyrings/company.gpg")
    assert for_guest(BOOKWORM, AMD64, renamed).keyring == KEYRING
    assert for_guest(BOOKWORM, AMD64, own).keyring == "/etc/apt/keyrings/company.gpg"


def test_ubuntu_on_arm_has_archives_of_its_own() -> None:
    private = main_of("file:/srv/mirror", "noble")
    assert for_guest(NOBLE, ARM64, private).uri == "http://ports.ubuntu.com/ubuntu-ports"
