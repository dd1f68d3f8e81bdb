# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwards: both spellings, and the ports that can't be meant."""

from __future__ import annotations

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.forward import Forward
from ansible_collections.burrow.vm.plugins.module_utils._model.short_forward import parse_forwards


@pytest.mark.parametrize(
    ("written", "forward"),
    [
        ("8080:80", Forward(8080, 80)),
        ("127.0.0.2:8080:80", Forward(8080, 80, "127.0.0.2")),
        ("0.0.0.0:65535:1", Forward(65535, 1, "0.0.0.0")),
        ("[::1]:8080:80", Forward(8080, 80, "::1")),
        ("[::0001]:8080:80", Forward(8080, 80, "::1")),
        ({"host_port": 8080, "guest_port": "80"}, Forward(8080, 80)),
        ({"host_port": "8080", "guest_port": 80, "address": "192.0.2.1"}, Forward(8080, 80, "192.0.2.1")),
        ({"host_port": 8080, "guest_port": 80, "address": None}, Forward(8080, 80, "127.0.0.1")),
    ],
)
def test_good_forwards(written: object, forward: Forward) -> None:
    assert parse_forwards([written]) == (forward,)


BAD = [
    (["0:80"], r"forwards\[0\]: 0 is out of range. Write a number from 1 to 65535"),
    (["65536:80"], "65536 is out of range"),
    (["8080:0"], "0 is out of range"),
    (["8080:65536"], "65536 is out of range"),
    (["-1:80"], "'-1' is not a whole number"),
    (["http:80"], "'http' is not a whole number"),
    (["8080"], r"forwards\[0\]: '8080' is not a forward"),
    ([":80"], "'' is not a whole number"),
    (["::1:8080:80"], "is not a forward"),
    (["example.org:8080:80"], "'example.org' is not an IP address"),
    ([":8080:80"], "it is empty"),
    (["[fe80::1%eth0]:8080:80"], "has a scope"),
    (["8080:80:tcp"], "is not an IP address|is not a whole number"),
    (["8080:80,hostfwd=tcp::1-:2"], "is not a whole number|is not a forward|is not an IP address"),
    ([81380], "81380 is a number"),
    ([{"host_port": 8080}], r"forwards\[0\].guest_port: it is missing"),
    ([{"guest_port": 80}], r"forwards\[0\].host_port: it is missing"),
    ([{"host_port": 0, "guest_port": 80}], r"forwards\[0\].host_port: 0 is out of range"),
    ([{"hostport": 1, "guest_port": 80}], "no such key. Did you mean `host_port`"),
    ([{"host_port": 1, "guest_port": 2, "address": "::1%lo"}], "has a scope"),
    (["8080:80", "8080:81"], r"forwards\[1\].host_port: port 8080 of 127.0.0.1 is forwards\[0\]'s"),
    (["8080:80", "0.0.0.0:8080:80"], r"forwards\[1\].host_port"),
    (["0.0.0.0:8080:80", "8080:80"], r"forwards\[1\].host_port"),
    (["[::]:8080:80", "8080:80"], r"forwards\[1\].host_port"),
    (["[::1]:8080:80", "[::]:8080:80"], r"forwards\[1\].host_port"),
    ("8080:80", "forwards: it is not a list"),
    ([None], "it is not a mapping"),
    ([True], "it is not a mapping"),
]


@pytest.mark.parametrize(("written", "message"), BAD)
def test_bad_forwards(written: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_forwards(written)


@pytest.mark.parametrize(
    "written",
    [
        ["8080:80", "8081:80"],
        ["127.0.0.1:8080:80", "127.0.0.2:8080:80"],
        ["127.0.0.1:8080:80", "[::1]:8080:80"],
        ["0.0.0.0:8080:80", "[::1]:8080:80"],
    ],
)
def test_forwards_beside_each_other(written: list[object]) -> None:
    assert len(parse_forwards(written)) == 2
