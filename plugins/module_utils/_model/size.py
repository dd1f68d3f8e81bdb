# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes: binary, unit required, overflow-checked."""

from __future__ import annotations

import re

from .._errors import SpecError

_UNITS = {"K": 10, "M": 20, "G": 30, "T": 40}
_SIZE = re.compile(r"(?P<number>[0-9]{1,19})\s?(?P<unit>[KMGT])(?:i?B)?", re.IGNORECASE | re.ASCII)
# What libvirt and qemu-img keep sizes in is a signed 64-bit count of bytes.
_MOST = 2**63 - 1
MIB = 1 << 20
GIB = 1 << 30
# Of a new disk that nobody gave one.
DEFAULT_SIZE = 20 * GIB


def parse_size(value: object, path: str, *, least: int = 1, most: int = _MOST) -> int:
    """Bytes of "8GiB", "8gb", "512M": all units are binary. least and most are in bytes."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        hint = "Write a whole number with its unit, as in 8GiB or 512M."
        raise SpecError(path, f"{_shown(value)} is not a size", hint)
    size = int(match["number"]) << _UNITS[match["unit"].upper()]
    if size > most:
        raise SpecError(path, f"{_shown(value)} is too large", f"Set {format_size(most)} or less.")
    if size < least:
        raise SpecError(path, f"{_shown(value)} is too small", f"Set {format_size(least)} or more.")
    return size


def format_size(size: int) -> str:
    """The size in the largest unit that keeps it exact: "20 GiB", "1536 MiB"; below 1 KiB, bytes."""
    for unit in "TGMK":
        if size and size % (1 << _UNITS[unit]) == 0:
            return f"{size >> _UNITS[unit]} {unit}iB"
    return f"{size} bytes"


def _shown(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else text[:37] + "...")
