# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it takes for a guest to be ready, phase by phase, and what to do when one isn't reached."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .._errors import SpecError
from .names import parse_name
from .public_key import PublicKey, parse_public_key

STARTED, ADDRESS, PORT, BANNER, HOST_KEY = PHASES = ("started", "address", "port", "banner", "host_key")

HINTS = {
    STARTED: "Read QEMU's log and start the guest again.",
    ADDRESS: "See on the console whether it booted, and whether its network-config names this MAC address.",
    PORT: "See on the console whether the SSH server started, and whether a firewall in the guest refuses the port.",
    BANNER: "See on the console whether the SSH server started; the guest may lack memory or CPU time.",
    HOST_KEY: "Another machine answers, or the guest made a key of its own. Don't log in; find out which one it is.",
}

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
# What ssh-keyscan calls the type of a key.
KEY_TYPES = {
    "ssh-ed25519": "ed25519",
    "ssh-rsa": "rsa",
    "ecdsa-sha2-nistp256": "ecdsa",
    "ecdsa-sha2-nistp384": "ecdsa",
    "ecdsa-sha2-nistp521": "ecdsa",
}


@dataclass(frozen=True)
class Wanted:
    """The guest that is waited for. timeout in seconds."""

    name: str
    mac: Optional[str]
    port: int
    host_key: Optional[PublicKey]
    timeout: float
    console_log: Optional[str]


@dataclass(frozen=True)
class Answer:
    """What the guest answered; None is not known."""

    address: Optional[str] = None
    banner: Optional[str] = None
    host_key: Optional[str] = None


def parse(params: Mapping[str, Any]) -> Wanted:
    mac = params["mac"]
    if mac is not None:
        mac = mac.lower().replace("-", ":")
        if not _MAC.fullmatch(mac):
            raise SpecError("mac", f"{params['mac']!r} is not a MAC address", "Write it as in 52:54:00:12:34:56.")
    if not 1 <= params["port"] <= 65535:
        raise SpecError("port", f"{params['port']} is not a port", "Set 1 to 65535.")
    if params["timeout"] < 1:
        raise SpecError("timeout", f"{params['timeout']} is too small", "Set 1 second or more.")
    key = params["host_key"]
    return Wanted(
        name=parse_name(params["name"]),
        mac=mac,
        port=params["port"],
        host_key=None if key is None else _host_key(key),
        timeout=params["timeout"],
        console_log=params["console_log"],
    )


def _host_key(line: str) -> PublicKey:
    key = parse_public_key(line, "host_key")
    if key.type not in KEY_TYPES:
        raise SpecError("host_key", f"{key.type} is no type of host keys", f"Known: {', '.join(KEY_TYPES)}.")
    return key


def fingerprint(key: PublicKey) -> str:
    """As OpenSSH shows it."""
    digest = hashlib.sha256(base64.b64decode(key.blob)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def parse_scan(output: bytes, key_type: str) -> Optional[PublicKey]:
    """The key of that type in ssh-keyscan's output ("HOST TYPE BLOB" lines), or None."""
    for line in output.decode("ascii", "replace").splitlines():
        words = line.split()
        if len(words) == 3 and words[1] == key_type and not line.startswith("#"):
            try:
                return parse_public_key(f"{words[1]} {words[2]}")
            except SpecError:
                return None
    return None
