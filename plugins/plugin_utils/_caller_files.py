# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the caller's files lie: everything here can be made again from the hypervisors."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass

from ansible_collections.burrow.vm.plugins.module_utils._gateway import files


@dataclass(frozen=True)
class CallerFiles:
    """The caller's burrow directory, and the ssh configuration that is the caller's own.

    effective: ssh reads that configuration, and the keys beside it, by itself.
    """

    directory: str
    user_config: str
    effective: bool = True

    @property
    def ssh_config(self) -> str:
        return os.path.join(self.directory, "ssh_config")

    @property
    def known_hosts(self) -> str:
        return os.path.join(self.directory, "known_hosts")

    @property
    def key(self) -> str:
        return os.path.join(self.directory, "id_ed25519")

    @property
    def lock(self) -> str:
        return os.path.join(self.directory, "lock")

    def make_directory(self) -> None:
        """Others have no business in it: it may hold a private key."""
        files.make_directory(self.directory, 0o700)


def caller_files() -> CallerFiles:
    """By the XDG base directory specification, which has relative values ignored."""
    stated = os.environ.get("XDG_DATA_HOME", "")
    base = stated if os.path.isabs(stated) else os.path.expanduser("~/.local/share")
    home = os.path.expanduser("~")
    return CallerFiles(
        directory=os.path.join(base, "burrow"),
        user_config=os.path.join(home, ".ssh", "config"),
        effective=os.path.realpath(home) == os.path.realpath(_ssh_home(home)),
    )


def _ssh_home(otherwise: str) -> str:
    """ssh goes by the user database and not by HOME, which sudo and test runs set otherwise."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return otherwise
