# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls, and with which keys. Runs ssh's own programs; a prompt is never waited for."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import re
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ansible_collections.burrow.vm.plugins.module_utils._errors import BurrowError, SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import files, process
from ansible_collections.burrow.vm.plugins.module_utils._gateway.lock import locked
from ansible_collections.burrow.vm.plugins.module_utils._model.inside import parse_user
from ansible_collections.burrow.vm.plugins.module_utils._model.public_key import PublicKey, parse_public_key
from ansible_collections.burrow.vm.plugins.module_utils._plan import UNKNOWN
from ansible_collections.burrow.vm.plugins.plugin_utils._caller_files import CallerFiles

NOBODY = "burrow"
_SECONDS = 10.0
_LOCK_SECONDS = 60.0
# What ssh offers by itself (OpenSSH 9, ssh_config(5) IdentityFile), without those that want a touch.
_OFFERED = ("id_rsa", "id_ecdsa", "id_ed25519")
_TOUCH = "sk-"


@dataclass(frozen=True)
class Caller:
    """identity_file is a key of ours, to be stated; None when ssh finds a usable key by itself."""

    user: str
    keys: tuple[PublicKey, ...]
    identity_file: Optional[str] = None
    missing: bool = False

    def result(self, place: CallerFiles) -> dict[str, object]:
        """missing: the key would have been made, so that it isn't known yet."""
        ours = next((key.line for key in self.keys), None) if self.identity_file else None
        return {
            "user": self.user,
            "authorized_keys": [key.line for key in self.keys],
            "identity_file": self.identity_file,
            "public_key": UNKNOWN if self.missing else ours,
            "config_dir": place.directory,
            "ssh_config": place.ssh_config,
            "known_hosts": place.known_hosts,
        }


def user_name(login: str, environment: Mapping[str, str]) -> str:
    """The guest's user: the caller's own name; root's is that of who became root."""
    if login == "root":
        login = environment.get("SUDO_USER") or NOBODY
    name = re.sub(r"[^a-z0-9_-]+", "-", login.lower(), flags=re.ASCII).strip("-")[:32]
    try:
        return parse_user(name)
    except SpecError:
        return NOBODY


def login_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # A container's arbitrary user has no entry.
        return os.environ.get("USER", "")


def observe(place: CallerFiles) -> Caller:
    """The caller's keys, ours first: those of the agent, and public files beside their private halves."""
    offered = _agent_keys()
    directory = os.path.dirname(place.user_config)
    stored: list[PublicKey] = []
    for path in sorted(glob.glob(os.path.join(glob.escape(directory), "id_*.pub"))):
        private = path[: -len(".pub")]
        key = _key_of(path) if os.path.isfile(private) else None
        if key is not None:
            stored.append(key)
            if place.effective and os.path.basename(private) in _OFFERED and _opens(private):
                offered.append(key)
    ours = _key_of(f"{place.key}.pub") if os.path.isfile(place.key) else None
    usable = any(not key.type.startswith(_TOUCH) for key in offered)
    keys = _once([*([ours] if ours else []), *offered, *stored])
    return Caller(
        user=user_name(login_name(), os.environ),
        keys=keys,
        identity_file=place.key if ours or not usable else None,
        missing=ours is None and not usable,
    )


def make_key(place: CallerFiles) -> None:
    """Make the caller's key pair: aside, its private half put in place last, so that a half-made pair is none."""
    place.make_directory()
    with locked(place.lock, _LOCK_SECONDS), tempfile.TemporaryDirectory(dir=place.directory, prefix=".key-") as aside:
        if os.path.isfile(place.key) and _key_of(f"{place.key}.pub"):
            return
        path = os.path.join(aside, "key")
        if os.path.isfile(place.key):
            _write_public(place)
            return
        comment = f"burrow {login_name()}@{socket.gethostname()}"
        arguments = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path]
        _run(arguments, "make the caller's key pair", place.key)
        os.replace(f"{path}.pub", f"{place.key}.pub")
        os.replace(path, place.key)
        files.sync_directory(place.directory)


def _write_public(place: CallerFiles) -> None:
    line = _run(["ssh-keygen", "-y", "-P", "", "-f", place.key], "read the caller's key", place.key)
    files.write(f"{place.key}.pub", line, 0o644)


def _agent_keys() -> list[PublicKey]:
    if not os.environ.get("SSH_AUTH_SOCK"):
        return []
    try:
        output = _run(["ssh-add", "-L"], "ask the agent for its keys", "ssh-agent")
    except BurrowError:
        # No agent behind the socket, or one without keys: both end ssh-add with an error.
        return []
    return [key for line in output.decode("utf-8", "replace").splitlines() for key in _parsed(line)]


def _key_of(path: str) -> Optional[PublicKey]:
    try:
        data = files.read(path, 64 * 1024) or b""
    except BurrowError:
        return None
    return next(iter(_parsed(data.decode("utf-8", "replace").strip())), None)


def _parsed(line: str) -> Sequence[PublicKey]:
    """The key of a line, unless it is of a kind that no guest takes (a certificate, DSA)."""
    with contextlib.suppress(SpecError):
        return (parse_public_key(line),)
    return ()


def _opens(private: str) -> bool:
    """Whether the key has no passphrase."""
    try:
        _run(["ssh-keygen", "-y", "-P", "", "-f", private], "open the key", private)
    except BurrowError:
        return False
    return True


def _once(keys: Sequence[PublicKey]) -> tuple[PublicKey, ...]:
    found: dict[str, PublicKey] = {}
    for key in keys:
        found.setdefault(key.blob, key)
    return tuple(found.values())


def _run(arguments: Sequence[str], operation: str, obj: str) -> bytes:
    return process.run(arguments, operation=operation, obj=obj, timeout=_SECONDS, package="openssh-client")
