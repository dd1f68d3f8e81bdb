# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table: aligned, complete, and safe to print whatever a guest has said."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.plugin_utils._plain import plain
from ansible_collections.burrow.vm.plugins.plugin_utils._report import table, text_lines

WORK = {
    "name": "work",
    "state": "running",
    "address": "192.0.2.7",
    "reach": "ssh work",
    "image": "debian-13",
    "accelerator": "tcg",
    "changes": ["define the domain", "start the domain"],
    "timings": {"image": 3.21, "answer": 20.5},
}


def test_a_guest_as_a_row() -> None:
    assert table([WORK, {"name": "b"}]) == [
        "name  state    address    reach     image      accelerator  changes  seconds",
        "work  running  192.0.2.7  ssh work  debian-13  tcg          2        23.7 (image 3.2, answer 20.5)",
        "b     -        -          -         -          -            -        -",
        "work changed:",
        "  define the domain",
        "  start the domain",
    ]


def test_no_guest_no_table() -> None:
    assert table([]) == []


def test_what_waits_is_said() -> None:
    lines = table(
        [{"name": "a", "restart_required": ["memory"], "reset_required": ["image", "user"], "warnings": ["x"]}]
    )
    assert lines[2:] == [
        "a waits for a restart:",
        "  memory",
        "a waits for a reset:",
        "  image",
        "  user",
        "a has to be noted:",
        "  x",
    ]


def test_a_plan_is_called_one() -> None:
    assert "work would change:" in table([WORK], planned=True)


def test_a_failure_has_phase_cause_next_step_and_console() -> None:
    error = {"phase": "address", "msg": "no address in 300 s. Look at the console.", "hint": "Look at the console."}
    lines = table([{"name": "bad", "error": {**error, "console": ["one", "two"]}}, WORK])
    assert lines[1].split()[:2] == ["bad", "FAILED"]
    assert lines[-6:] == [
        "",
        "FAILED bad in phase: address",
        "  cause:   no address in 300 s.",
        "  next:    Look at the console.",
        "  console: one",
        "           two",
    ]


def test_a_failure_without_words() -> None:
    assert table([{"name": "bad", "error": {"msg": None}}])[-2:] == ["FAILED bad", "  cause:   no reason was given"]


HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\nnext\u202e\u200b\0"


@pytest.mark.parametrize("key", ["name", "state", "address", "reach", "image", "accelerator"])
def test_no_cell_reaches_the_terminal_raw(key: str) -> None:
    lines = table([{**WORK, key: HOSTILE * 20}])
    assert all(character.isprintable() for line in lines for character in line)
    assert len(lines) == 5
    assert len(lines[1]) < 250


def test_a_way_to_a_guest_is_whole() -> None:
    way = "ssh -F /home/somebody/with/a/long/name/.local/share/burrow/ssh_config work"
    assert way in table([{**WORK, "reach": way}])[1]


@pytest.mark.parametrize("key", ["phase", "msg", "hint", "console"])
def test_no_part_of_an_error_does(key: str) -> None:
    lines = table([{"name": "bad", "error": {"msg": "x", key: HOSTILE}}])
    assert all(character.isprintable() for line in lines for character in line)


@pytest.mark.parametrize("key", ["changes", "restart_required", "reset_required", "warnings"])
def test_no_note_does(key: str) -> None:
    lines = table([{"name": "a", key: [HOSTILE]}])
    assert all(character.isprintable() for line in lines for character in line)


def test_text_keeps_its_lines_and_spaces() -> None:
    assert text_lines("a\n  b\tc\n\x1b[1md\n") == ["a", "  b     c", " [1md"]


def test_a_console_is_bounded() -> None:
    lines = table(
        [{"name": "a", "error": {"msg": "x", "console": "\n".join(f"{n} " + "y" * 5000 for n in range(100))}}]
    )
    assert len(lines) < 40
    assert max(len(line) for line in lines) < 1100


class Tagged(str):
    """As ansible-core tags text."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (1.5, 1.5),
        (Tagged("x"), "x"),
        ((1, 2), [1, 2]),
        ({Tagged("a"): [Tagged("b")]}, {"a": ["b"]}),
    ],
)
def test_plain_values(value: Any, expected: Any) -> None:
    made = plain(value)
    assert made == expected
    assert made.__class__ is expected.__class__
