# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest wrote to its console. It is the guest's own text: hostile, and never shown to a terminal as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

_LONGEST_LINE = 200

# ECMA-48: strings (OSC, DCS, SOS, PM, APC) up to their end, then CSI sequences, then two- and three-byte escapes.
_ESCAPES = re.compile(
    r"\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)


@dataclass(frozen=True)
class Sign:
    """What a line of the console gives away: the guest won't come up by itself any more."""

    pattern: str
    cause: str
    hint: str


_SIGNS = (
    Sign(
        "Kernel panic - not syncing",
        "the guest's kernel panicked",
        "Read the console. Under TCG, QEMU before 10 breaks the kernel of Debian 13 unless the CPU lacks cx16.",
    ),
    Sign("No bootable device", "the firmware found nothing to boot", "Check the image and the firmware that it needs."),
    Sign(
        "BdsDxe: No bootable option",
        "the firmware found nothing to boot",
        "Check the image and the firmware that it needs.",
    ),
    Sign(
        "You are in emergency mode",
        "systemd in the guest went into emergency mode",
        "Read the console: a file system in /etc/fstab is missing or broken, as a rule.",
    ),
    Sign(
        "Gave up waiting for root file system",
        "the guest's kernel didn't find its root file system",
        "Check the kernel's command line and that the image's initrd has virtio drivers.",
    ),
)


def clean(data: bytes) -> list[str]:
    """The lines as harmless text: no escapes, no control characters, none too long, the last state of each."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace"))
    return [_line(line) for line in re.split(r"\r*\n", text)]


def _line(line: str) -> str:
    # A carriage return overwrites, as progress displays do it.
    shown = next((part for part in reversed(line.split("\r")) if part.strip()), "")
    # isprintable() is false for control and format characters, those that turn the writing direction included.
    shown = "".join(char if char.isprintable() else " " if char == "\t" else "?" for char in shown).rstrip()
    return shown if len(shown) <= _LONGEST_LINE else shown[: _LONGEST_LINE - 3] + "..."


def tail(data: bytes, lines: int = 30) -> list[str]:
    """The last lines that say something."""
    return [line for line in clean(data) if line][-lines:]


def qemu_messages(data: bytes, lines: int = 10) -> list[str]:
    """The last lines of QEMU's log that aren't its command line, which libvirt writes there at each start."""
    found = [line for line in clean(data) if line and not line.endswith("\\") and not line.startswith(("-", "LC_ALL="))]
    return found[-lines:]


def sign(data: bytes) -> Optional[Sign]:
    """The first sign in it that the guest has failed, or None."""
    text = data.decode("utf-8", "replace")
    return next((item for item in _SIGNS if item.pattern in text), None)
