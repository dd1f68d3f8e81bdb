# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules have. Each table is documented by the doc fragment of its name."""

from __future__ import annotations

from typing import Any

from .paths import DATA

# Seconds. An interrupted download is gone on with, so that a slow line needs a second run at most.
TIMEOUT = 3600
URI = "qemu:///system"

LIBVIRT: dict[str, dict[str, Any]] = {"uri": {"type": "str", "default": URI}}
STORE: dict[str, dict[str, Any]] = {"data": {"type": "path", "default": DATA}}
TRANSFER: dict[str, dict[str, Any]] = {
    "mirrors": {"type": "list", "elements": "str"},
    "url_username": {"type": "str"},
    "url_password": {"type": "str", "no_log": True},
    "timeout": {"type": "int", "default": TIMEOUT},
}
TRUST: dict[str, dict[str, Any]] = {
    "checksum_url": {"type": "str"},
    "signature_url": {"type": "str"},
    # A public one.
    "key": {"type": "str", "no_log": False},
    "fingerprint": {"type": "str"},
    "verify": {"type": "str", "choices": ["signature", "checksum", "none"]},
}
