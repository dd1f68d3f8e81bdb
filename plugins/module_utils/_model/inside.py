# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that only the inside of a guest has: its host name, its user, its scripts."""

from __future__ import annotations

import re

from .._errors import SpecError
from .value import shown, text

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.ASCII)
_LONGEST_LABEL = 63
_LONGEST_HOSTNAME = 253


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


def hostname(value: object, path: str) -> str:
    """An RFC 1123 host name, in lower case."""
    name = text(value, path, most=_LONGEST_HOSTNAME)
    if parse_hostname(name) != name.lower() or any(len(label) > _LONGEST_LABEL for label in name.split(".")):
        hint = "Use labels of 1 to 63 letters, digits and inner hyphens, with dots between them."
        raise SpecError(path, f"{shown(name)} is not a valid host name", hint)
    return name.lower()


def script(value: object, path: str) -> str:
    """A script for the guest. Its content may be secret, so that no message shows it."""
    if not isinstance(value, str):
        raise SpecError(path, "it is not text", "Write the script itself, as a block of text.")
    if "\0" in value:
        raise SpecError(path, "it holds a NUL byte", "Write a text script.")
    if not value.strip():
        raise SpecError(path, "it is empty", "Write a script, or leave the variable out.")
    # cloud-init runs the file itself: without an interpreter's name the kernel refuses it (ENOEXEC).
    return value if value.startswith("#!") else f"#!/bin/sh\n{value}"
