# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: of guests (they become paths and domain names) and what is derived from them."""

from __future__ import annotations

import hashlib
import re

from .._errors import SpecError
from . import value

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)
_HINT = "Use 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or digit."


def parse_name(value: object, path: str = "name") -> str:
    """A guest's, image's, disk's or network's name."""
    if not isinstance(value, str) or not _NAME.fullmatch(value) or ".." in value:
        raise SpecError(path, f"{str(value)[:80]!r} is not a valid name", _HINT)
    return value


def parse_mac(stated: object, path: str) -> str:
    address = str(stated).lower()
    if not _MAC.fullmatch(address):
        raise SpecError(path, f"{value.shown(stated)} is not a MAC address", "Write one as in 52:54:00:12:34:56.")
    # The lowest bit of the first byte marks a group address, which no interface may have.
    if int(address[1], 16) & 1:
        raise SpecError(path, f"{value.shown(stated)} is a multicast address", "Begin it with 52:54:00.")
    return address


def mac_address(name: str, role: str) -> str:
    """A stable MAC for an interface of a guest, in the range that QEMU and libvirt use (52:54:00).

    It is known before the domain exists, so that network-config can name the interface.
    """
    digest = hashlib.sha256(f"{name}/{role}".encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])
