# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of each kind of XML ask of a text."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
_SCHEMAS = Path("/usr/share/libvirt/schemas")
_ABLE = shutil.which("xmllint") is not None and _SCHEMAS.is_dir()

needs_schemas = pytest.mark.skipif(not _ABLE, reason="no xmllint, or no schemas of libvirt")


def golden(file: str, text: str) -> str:
    """What is expected instead of the text. BURROW_GOLDEN=write makes the file anew."""
    path = GOLDEN / file
    if os.environ.get("BURROW_GOLDEN") == "write":
        path.write_text(text)
    return path.read_text()


def refused_by_schema(text: str, kind: str) -> str:
    """Why libvirt's schema of this kind refuses the text; nothing also where there is none to ask."""
    if not _ABLE:
        return ""
    command = ["xmllint", "--noout", "--relaxng", str(_SCHEMAS / f"{kind}.rng"), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""
