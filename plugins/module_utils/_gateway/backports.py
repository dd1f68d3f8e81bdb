# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of our files make apt take QEMU from backports, and from where this host would fetch them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from .._model.apt import Source
from .._model.backports import FILES
from .._model.release import find_release
from . import bootstrap, files

_MODE = 0o644


def have() -> Mapping[str, bytes]:
    """Those of our files that exist, with what they contain."""
    found = {path: files.read(path) for path in FILES}
    return {path: content for path, content in found.items() if content is not None}


def mirror(name: str) -> Source:
    """The archive where this host gets its own release ("debian-12")."""
    release = find_release(name)
    if release is None:
        raise AssertionError(f"{name} has backports and is no release")
    return bootstrap.host_mirror(release)[0]


def write(path: str, content: bytes) -> None:
    files.write(path, content, _MODE)


def remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
