# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU from the distribution's backports: which releases have it, and the files that make apt take it, and only it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from .._errors import SpecError
from .apt import Source

BACKPORTS = "backports"
DISTRIBUTION = "distribution"

SOURCE_FILE = "/etc/apt/sources.list.d/burrow-backports.sources"
PIN_FILE = "/etc/apt/preferences.d/burrow-backports.pref"
FILES = (SOURCE_FILE, PIN_FILE)

SUITES: Mapping[str, str] = {"debian-12": "bookworm-backports", "debian-13": "trixie-backports"}
_MARK = "# Written by burrow.vm, role hypervisor. Changes are lost.\n"
# The firmware of QEMU's PC is a package of its own, and QEMU asks for one as new.
_PACKAGES = "src:qemu src:seabios"
# As what is stated for one release by hand: above a default release's 990 nothing is needed.
_PRIORITY = 990


def files(name: str, mirror: Source) -> Mapping[str, bytes]:
    """What apt needs, by path. mirror is the archive where the host gets the release ("debian-12") itself."""
    suite = suite_of(name)
    if mirror.login is not None:
        # The file is for everybody to read.
        host = urlsplit(mirror.uri).hostname
        hint = "Put the login into a file below /etc/apt/auth.conf.d, and take it out of the address."
        raise SpecError("origin", f"the address of this host's mirror ({host}) holds a login", hint, "mirror_login")
    source = Source(mirror.uri, suite, mirror.components, mirror.keyring)
    pin = f"Package: {_PACKAGES}\nPin: release n={suite}\nPin-Priority: {_PRIORITY}\n"
    written = {SOURCE_FILE: _MARK + source.stanza(_key(mirror.keyring)), PIN_FILE: _MARK + pin}
    return {path: content.encode() for path, content in written.items()}


def suite_of(name: str) -> str:
    """The backports of a release; one without is refused."""
    found = SUITES.get(name)
    if found is None:
        problem = f"{name} has no backports of QEMU that are known here (known: those of {' and '.join(SUITES)})"
        raise SpecError("origin", problem, f"Set {DISTRIBUTION}.", "no_backports")
    return found


def _key(keyring: str) -> str:
    """A key written out in the source goes on lines of its own, each indented, an empty one as a dot."""
    if "BEGIN PGP" not in keyring:
        return keyring
    lines = keyring.strip().splitlines()
    return "".join(f"\n {line or '.'}" for line in lines)
