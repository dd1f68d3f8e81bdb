# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the guest at each boot: mounts the shares and sets the directory at login.

cloud-init runs a boot hook early, before it makes users and before anyone can log in, and runs per-boot scripts last.
The first boot needs both: a mount below a home directory would keep useradd from making that home.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Optional

SHARES_SCRIPT = "10-burrow-shares"
EVERY_BOOT_SCRIPT = "50-burrow-every-boot"
_PER_BOOT = "/var/lib/cloud/scripts/per-boot"
_PROFILE = "/etc/profile.d/burrow.sh"

# chown gives directories below a home to its owner; only what this run makes is touched.
_MOUNT = """\
failed=0
mount_share() {
    mountpoint -q "$2" && return
    rest=${2#/home/}
    if [ "$when" = early ] && [ "$rest" != "$2" ] && [ ! -d "/home/${rest%%/*}" ]; then
        return
    fi
    top=$2
    while [ ! -e "$(dirname "$top")" ]; do
        top=$(dirname "$top")
    done
    if [ ! -e "$top" ]; then
        mkdir -p "$2" && chown -R --reference="$(dirname "$top")" "$top"
    fi
    if ! mount -t virtiofs -o "$3" "$1" "$2"; then
        echo "burrow: share $1 is not mounted at $2" >&2
        logger -t burrow -p user.err "share $1 is not mounted at $2" || true
        failed=1
    fi
}
"""


def boot_hook(shares: Sequence[Mapping[str, Any]], workdir: Optional[str], user: str) -> str:
    """The early script. It also removes the per-boot scripts that a former seed left; this seed's come after it."""
    stale = f"rm -f {_PER_BOOT}/{SHARES_SCRIPT} {_PER_BOOT}/{EVERY_BOOT_SCRIPT}\n"
    return f"#!/bin/sh\n{stale}{_login_directory(workdir, user)}{_mounts(shares, 'early')}"


def shares_script(shares: Sequence[Mapping[str, Any]]) -> str:
    """The late script: mounts what the early one could not, and fails cloud-init's verdict when it can't either."""
    return f"#!/bin/sh\n{_mounts(shares, 'late')}"


def _mounts(shares: Sequence[Mapping[str, Any]], when: str) -> str:
    # A failure of the early one would stay in cloud-init's verdict even where the late one succeeds.
    last = 'exit "$failed"' if when == "late" else "exit 0"
    if not shares:
        return ""
    calls = [
        shlex.join(["mount_share", share["tag"], share["target"], _options(readonly=share["readonly"])])
        for share in shares
    ]
    return "\n".join([f"when={when}", _MOUNT + calls[0], *calls[1:], last, ""])


def _options(*, readonly: bool) -> str:
    return f"{'ro' if readonly else 'rw'},nosuid,nodev"


def _login_directory(workdir: Optional[str], user: str) -> str:
    if workdir is None:
        return f"rm -f {_PROFILE}\n"
    directory = shlex.quote(workdir)
    # Only from the home directory: a login shell that something starts elsewhere stays where it is.
    condition = f'[ "$(id -un)" = {shlex.quote(user)} ] && [ "$PWD" = "$HOME" ] && [ -d {directory} ]'
    profile = f"if {condition}; then\n    cd {directory} || true\nfi"
    return f"printf '%s\\n' {shlex.quote(profile)} >{_PROFILE}\nchmod 0644 {_PROFILE}\n"
