# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notes that a domain's metadata has room for, digests apart. Whoever looks for our stamp needs no more."""

from __future__ import annotations

NOTES = ("profile", "image", "repository", "branch")
