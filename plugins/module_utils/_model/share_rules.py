# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of a share's tag and directory wherever one is stated: of a guest, of a domain, of a host."""

from __future__ import annotations

import re

from .._errors import SpecError
from .value import shown, text

# The virtiofs specification (virtio 1.2, 5.11.4) has 36 bytes for the tag.
LONGEST_TAG = 36
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
SYSTEM = ("/boot", "/sys", "/proc", "/dev", "/run")


def lies_in(directory: str, parent: str) -> bool:
    """directory is parent, or below it; both are normalised."""
    return directory == parent or directory.startswith(f"{parent.rstrip('/')}/")


def refused_directory(directory: str) -> bool:
    """A system directory, which no guest may see. The path is normalised; call it with the real path too."""
    return directory == "/" or any(lies_in(directory, system) for system in SYSTEM)


def parse_tag(value: object, path: str) -> str:
    tag = text(value, path)
    size = len(tag.encode())
    if size > LONGEST_TAG:
        raise SpecError(path, f"{shown(tag)} has {size} bytes", f"Write {LONGEST_TAG} bytes at most.")
    # It becomes the name of a directory below /run/burrow/shares.
    if not _TAG.fullmatch(tag) or ".." in tag:
        hint = "Use letters, digits, dots, hyphens and underscores, beginning with a letter or digit."
        raise SpecError(path, f"{shown(tag)} is not a valid tag", hint)
    return tag
