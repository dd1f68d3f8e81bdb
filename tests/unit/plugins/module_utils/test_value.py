# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single values: what people write, and what they are told when it can't be meant."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model import inside, value

CANARY = "canary-5f1d"


@pytest.mark.parametrize("written", [True, "true", "True", "yes", "on", "1", " yes "])
def test_true(written: object) -> None:
    assert value.boolean(written, "x") is True


@pytest.mark.parametrize("written", [False, "false", "no", "off", "0"])
def test_false(written: object) -> None:
    assert value.boolean(written, "x") is False


@pytest.mark.parametrize("written", ["", "maybe", 1, 0, None, [], {}])
def test_neither_true_nor_false(written: object) -> None:
    with pytest.raises(SpecError, match=r"neither true nor false. Write true or false"):
        value.boolean(written, "x")


@pytest.mark.parametrize(("written", "number"), [(4, 4), ("4", 4), (" 4 ", 4), (1, 1), ("1024", 1024)])
def test_count(written: object, number: int) -> None:
    assert value.count(written, "cpus", least=1, most=1024) == number


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (0, "0 is out of range"),
        (-1, "-1 is out of range"),
        ("1025", "1025 is out of range"),
        (2**63, "is out of range"),
        ("two", "'two' is not a whole number"),
        ("2.0", "is not a whole number"),
        (2.0, "is not a whole number"),
        (True, "'True' is not a whole number"),
        ("²", "is not a whole number"),
        ("9" * 5000, "is not a whole number"),
        (None, "is not a whole number"),
    ],
)
def test_no_count(written: object, problem: str) -> None:
    with pytest.raises(SpecError, match=f"cpus: .*{problem}.*Write a number from 1 to 1024"):
        value.count(written, "cpus", least=1, most=1024)


@pytest.mark.parametrize("written", ["", "  ", "a\nb", "a\0b", "\x1b[31m", "x" * 1025, 5, None, ["a"]])
def test_no_text(written: object) -> None:
    with pytest.raises(SpecError):
        value.text(written, "x")


def test_a_script_gets_an_interpreter_when_it_names_none() -> None:
    assert inside.script("echo", "x") == "#!/bin/sh\necho"
    assert inside.script("#!/usr/bin/env python3\nprint()", "x") == "#!/usr/bin/env python3\nprint()"


@pytest.mark.parametrize("written", [f"{CANARY}\0", "", " \n", [CANARY], {"a": CANARY}, 5])
def test_a_wrong_script_is_never_shown(written: object) -> None:
    with pytest.raises(SpecError) as caught:
        inside.script(written, "first_boot_script")
    assert CANARY not in str(caught.value)
    assert caught.value.path == "first_boot_script"


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/a/", "/a"),
        ("//a//b", "/a/b"),
        ("/etc/..//etc", "/etc"),
        ("/..", "/"),
        ("/a/./b", "/a/b"),
    ],
)
def test_absolute_paths_are_normalised(written: str, path: str) -> None:
    assert value.absolute_path(written, "x") == path


@pytest.mark.parametrize("written", ["code", ".", "~/code", "", "/a\nb", "/a\0", None, "/" + "x" * 5000])
def test_no_absolute_path(written: object) -> None:
    with pytest.raises(SpecError):
        value.absolute_path(written, "x")


@pytest.mark.parametrize(
    ("read", "written"),
    [
        (value.mapping, "a: b"),
        (value.mapping, []),
        (value.mapping, {1: 2}),
        (value.sequence, "a"),
        (value.sequence, {}),
    ],
)
def test_wrong_containers(read: Callable[[Any, str], Any], written: object) -> None:
    with pytest.raises(SpecError):
        read(written, "x")


def test_an_unknown_key_is_told_its_nearest_neighbour() -> None:
    with pytest.raises(SpecError, match=r"^burrow_memry: no such key. Did you mean `burrow_memory`\?$"):
        value.unknown_keys(["memry"], ("memory", "cpus"), prefix="burrow_")
    with pytest.raises(SpecError, match=r"^shares\[0\].tagg: no such key. Did you mean `tag`\?$"):
        value.unknown_keys(["tagg"], ("tag", "source"), "shares[0]")


def test_an_unknown_key_like_no_other_is_told_all() -> None:
    with pytest.raises(SpecError, match=r"Known: cpus, memory\.$"):
        value.unknown_keys(["zzz"], ("cpus", "memory"))
