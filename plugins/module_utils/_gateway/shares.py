# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What shares need on the host: their directories, and the libvirt hook that binds them."""

from __future__ import annotations

import os
from collections.abc import Iterable

# Installed by role hypervisor.
HOOK = "/etc/libvirt/hooks/qemu.d/burrow"


def directories(paths: Iterable[str]) -> dict[str, str]:
    """path -> the directory it leads to; a path that leads to none is missing."""
    return {path: os.path.realpath(path) for path in paths if os.path.isdir(path)}


def hook_installed() -> bool:
    return os.access(HOOK, os.X_OK)
