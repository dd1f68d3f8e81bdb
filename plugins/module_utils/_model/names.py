# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: of guests (they become paths, host names and domain names) and what is derived from them."""

from __future__ import annotations

import hashlib
import re

from .._errors import SpecError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.ASCII)
_HINT = "Use 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or digit."


def parse_name(value: object, path: str = "name") -> str:
    """A guest's, image's, disk's or network's name."""
    if not isinstance(value, str) or not _NAME.fullmatch(value) or ".." in value:
        raise SpecError(path, f"{str(value)[:80]!r} is not a valid name", _HINT)
    return value


def parse_user(value: object, path: str = "user") -> str:
    """A login name as shadow-utils' useradd takes it; never root."""
    if not isinstance(value, str) or not _USER.fullmatch(value):
        hint = "Use 1 to 32 lower-case letters, digits, hyphens and underscores, beginning with a letter."
        raise SpecError(path, f"{str(value)[:80]!r} is not a valid user name", hint)
    if value == "root":
        raise SpecError(path, "root can't be the guest's user", "Name another user; it has sudo in the guest.")
    return value


def parse_hostname(name: str) -> str:
    """The RFC 1123 host name of a guest: lower case, labels of letters, digits and inner hyphens."""
    labels = [re.sub(r"[^a-z0-9-]+", "-", label).strip("-") for label in name.lower().split(".")]
    return ".".join(label for label in labels if label) or "guest"


def mac_address(name: str, role: str) -> str:
    """A stable MAC for an interface of a guest, in the range that QEMU and libvirt use (52:54:00).

    It is known before the domain exists, so that network-config can name the interface.
    """
    digest = hashlib.sha256(f"{name}/{role}".encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])
