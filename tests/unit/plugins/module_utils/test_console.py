# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consoles and logs of guests: whatever stands there, what is shown is harmless."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model.console import clean, qemu_messages, sign, tail


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"plain", "plain"),
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07text", "text"),
        (b"\x1b]52;c;b3duZWQ=\x1b\\text", "text"),
        (b"\x1bP+q544e\x1b\\text", "text"),
        (b"\x1b[2J\x1b[H\x1b(Btext", "text"),
        (b"\x1bctext", "text"),
        (b"10%\r50%\r100%\r", "100%"),
        (b"bell\x07 back\x08 nul\x00", "bell? back? nul?"),
        (b"tab\there", "tab here"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("right \u202e left".encode(), "right ? left"),
        ("eight \x9b31mbit".encode(), "eight bit"),
        (b"\x1b", ""),
        (b"\x1b[", ""),
        ("grün".encode(), "grün"),
    ],
)
def test_clean(data: bytes, shown: str) -> None:
    assert clean(data) == [shown]


def test_every_byte_and_control_character_is_made_harmless() -> None:
    samples = [bytes(range(256)), *(chr(code).encode() for code in range(0x300)), "\u2028\u2066\u200f\ufeff".encode()]
    for sample in samples:
        assert all(line.isprintable() for line in clean(sample + b"x"))


def test_tail_is_bounded() -> None:
    lines = tail(b"\n\n".join(b"%d" % number for number in range(100)) + b"\n" + b"A" * 5000 + b"\r\n", 30)
    assert len(lines) == 30
    assert lines[-2] == "99"
    assert len(lines[-1]) == 200


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[ 1.2] Kernel panic - not syncing: VFS", "panicked"),
        ("You are in emergency mode. After logging in", "emergency mode"),
        ("BdsDxe: No bootable option or device was found.", "nothing to boot"),
        ("Welcome to Debian GNU/Linux 13", None),
    ],
)
def test_sign(text: str, found: Optional[str]) -> None:
    result = sign(b"before\r\n" + text.encode() + b"\r\n")
    assert (result is None) if found is None else (result is not None and found in result.cause)


def test_the_command_line_in_qemus_log_is_left_out() -> None:
    log = b"""2026-01-01 starting up libvirt version: 9.0.0
LC_ALL=C \\
/usr/bin/qemu-system-x86_64 \\
-name guest=web \\
-msg timestamp=on
qemu-system-x86_64: disk full
"""
    assert qemu_messages(log) == ["2026-01-01 starting up libvirt version: 9.0.0", "qemu-system-x86_64: disk full"]
