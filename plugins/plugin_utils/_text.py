# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from outside (guests, programs) made safe to show: no terminal escapes, bounded."""

from __future__ import annotations


def printable(text: str, most: int = 2000) -> str:
    """Text on one line with everything that isn't printable replaced; most is in characters."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    clean = " ".join(clean.split())
    return clean if len(clean) <= most else clean[: most - 3] + "..."
