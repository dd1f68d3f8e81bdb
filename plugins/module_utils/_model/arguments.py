# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules have. Each table is documented by the doc fragment of its name."""

from __future__ import annotations

from typing import Any

from .paths import DATA

URI = "qemu:///system"

LIBVIRT: dict[str, dict[str, Any]] = {"uri": {"type": "str", "default": URI}}
STORE: dict[str, dict[str, Any]] = {"data": {"type": "path", "default": DATA}}
