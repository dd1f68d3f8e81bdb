# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which directories of a host are shared only with consent: decided on absolute, normalised paths, links resolved."""

from __future__ import annotations

import posixpath

# A guest that writes here owns the host, and one that reads here knows its keys. All below included.
_TREES = (
    "/bin", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr",
    "/var/backups", "/var/cache", "/var/lib", "/var/log", "/var/mail", "/var/spool",
)  # fmt: skip
# Only the directory itself: what people keep below it is what shares are for.
_DIRECTORIES = ("/home", "/media", "/mnt", "/opt", "/root", "/srv", "/tmp", "/var", "/var/tmp")  # noqa: S108
# Directories that hold keys and tokens, wherever they are.
_SECRET_NAMES = frozenset({".aws", ".config", ".docker", ".gnupg", ".kube", ".ssh", ".vault"})


def sensitivity(path: str) -> str:
    """Why the directory is shared only with consent, or "" when it needs none."""
    if any(path == tree or path.startswith(f"{tree}/") for tree in _TREES):
        return "belongs to the host's system"
    if path in _DIRECTORIES:
        return "holds what belongs to others on this host"
    if posixpath.dirname(path) == "/home":
        return "is a whole home directory, keys and tokens included"
    if _SECRET_NAMES & frozenset(path.split("/")):
        return "holds keys and tokens"
    return ""
