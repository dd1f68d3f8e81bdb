# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt says of domains that it could run."""

from __future__ import annotations

from .tree import get, parse


def most_cpus(capabilities: str) -> int:
    """From the domain capabilities; 0 when they don't say."""
    return int(get(parse(capabilities), "vcpu@max") or "0")
