# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares: each rule of bad input that needs no file system, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.share import Share, automatic_tag, parse_shares
from ansible_collections.burrow.vm.plugins.module_utils._model.share_rules import refused_directory


def share(source: Any = "/srv/code", **more: Any) -> dict[str, Any]:
    return {"source": source, **more}


def test_what_is_not_stated_follows() -> None:
    (parsed,) = parse_shares([share("/srv/My code")])
    assert parsed == Share("/srv/My code", "/mnt/My code", automatic_tag("/mnt/My code"))
    assert parsed.tag.startswith("My-code-")


def test_what_is_stated_counts() -> None:
    (parsed,) = parse_shares([share(target="/code/", tag="c", readonly="yes", allow_sensitive=True)])
    assert parsed == Share("/srv/code", "/code", "c", readonly=True, allow_sensitive=True)


def test_two_shares_with_one_base_name_have_two_tags() -> None:
    one, two = parse_shares([share("/a/x", target="/m/a/x"), share("/b/x", target="/m/b/x")])
    assert one.tag != two.tag


@pytest.mark.parametrize(
    "source",
    [
        "/",
        "//",
        "/proc",
        "/proc/1",
        "/sys",
        "/dev/shm",
        "/run",
        "/run/user/0",
        "/boot",
        "/boot/efi",
        "/etc/../proc",
        "/a/..",
    ],
)
def test_system_directories_are_refused(source: str) -> None:
    with pytest.raises(SpecError, match=r"^shares\[0\].source: .* is a system directory"):
        parse_shares([share(source)])


@pytest.mark.parametrize("directory", ["/srv", "/processes", "/boots/x", "/home/a/proc", "/running"])
def test_others_are_not(directory: str) -> None:
    assert not refused_directory(directory)


BAD = [
    ([share("code")], r"shares\[0\].source: 'code' is not an absolute path"),
    ([share("../code")], "is not an absolute path"),
    ([share("")], r"shares\[0\].source: it is empty"),
    ([share(5)], r"shares\[0\].source: '5' is not text"),
    ([{"target": "/x"}], r"shares\[0\].source: it is missing"),
    ([share("/srv/a\nb")], "line break"),
    ([share("/srv/a\0b")], "control character"),
    ([share(target="code")], r"shares\[0\].target: 'code' is not an absolute path"),
    ([share(target="/")], "is the guest's own"),
    ([share(target="/etc")], "is the guest's own"),
    ([share(target="/proc/x")], "is the guest's own"),
    ([share(tag="x" * 37)], "has 37 bytes. Write 36 bytes at most"),
    ([share(tag="é" * 19)], "has 38 bytes"),
    ([share(tag="a/b")], "is not a valid tag"),
    ([share(tag="..")], "is not a valid tag"),
    ([share(tag="a..b")], "is not a valid tag"),
    ([share(tag="-x")], "is not a valid tag"),
    ([share(tag="a b")], "is not a valid tag"),
    ([share(readonly="perhaps")], r"shares\[0\].readonly: 'perhaps' is neither"),
    ([share(read_only=True)], r"shares\[0\].read_only: no such key. Did you mean `readonly`"),
    ([share(target="/a", tag="t"), share(target="/b", tag="t")], r"shares\[1\].tag: 't' is the tag of shares\[0\] too"),
    ([share(target="/a"), share(target="/a/", tag="t")], r"shares\[1\].target: '/a' is the target of shares\[0\] too"),
    ([share(target="/a"), share(target="/a/b")], r"shares\[1\].target: '/a/b' and shares\[0\]'s '/a' lie one in"),
    ([share(target="/a/b"), share(target="/a")], r"shares\[1\].target: '/a' and shares\[0\]'s '/a/b' lie one in"),
    (["/srv/code"], r"shares\[0\]: it is not a mapping"),
    ("/srv/code:/code", "shares: it is not a list"),
    ({"source": "/x"}, "shares: it is not a list"),
]


@pytest.mark.parametrize(("shares", "message"), BAD)
def test_bad_shares(shares: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_shares(shares)


def test_neighbours_are_not_inside_each_other() -> None:
    assert len(parse_shares([share(target="/a"), share(target="/ab"), share(target="/b/a")])) == 3
