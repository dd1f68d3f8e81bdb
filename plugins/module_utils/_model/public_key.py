# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSSH public keys, one per line. What isn't one is never shown: it may be a private key."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from .._errors import SpecError
from .value import sequence

# What OpenSSH 9 takes as an authorized key (ssh -Q key-sig without the certificates); DSA is gone.
_TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
_PRIVATE = re.compile(r"BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File|AGE-SECRET-KEY-|b3BlbnNzaC1rZXktdjE")
_HINT = "Write the line of a .pub file, as in `ssh-ed25519 AAAA... name`."
_LENGTH = 4


@dataclass(frozen=True)
class PublicKey:
    """type and blob (base64) are the key; the comment says whose it is."""

    type: str
    blob: str
    comment: str = ""

    @property
    def line(self) -> str:
        return " ".join(part for part in (self.type, self.blob, self.comment) if part)


def parse_public_key(value: object, path: str = "public_key") -> PublicKey:
    """One public key. No message repeats any part of it."""
    if not isinstance(value, str) or not value.strip():
        raise SpecError(path, "it is not a public key", _HINT)
    if _PRIVATE.search(value):
        hint = "Write the public half (the .pub file). Treat the private key as disclosed if this file is shared."
        raise SpecError(path, "it is a private key", hint)
    line = value.strip()
    if not line.isprintable():
        raise SpecError(path, "it holds a line break or control character", _HINT)
    kind, _space, rest = line.partition(" ")
    if kind not in _TYPES:
        raise SpecError(path, "it begins with no known key type (options before the key aren't taken)", _HINT)
    blob, _space, comment = rest.strip().partition(" ")
    if not _names_type(blob, kind):
        raise SpecError(path, "its base64 part is damaged, or of another type than it begins with", _HINT)
    return PublicKey(kind, blob, comment.strip())


def parse_public_keys(value: object, path: str = "authorized_keys") -> tuple[PublicKey, ...]:
    """A list of keys, or the text of an authorized_keys file; each key once."""
    if isinstance(value, str) and not _PRIVATE.search(value):
        lines = (line.strip() for line in value.splitlines())
        entries: list[object] = [line for line in lines if line and not line.startswith("#")]
    else:
        entries = [value] if isinstance(value, str) else sequence(value, path)
    keys = [parse_public_key(entry, f"{path}[{index}]") for index, entry in enumerate(entries)]
    once: dict[str, PublicKey] = {}
    for key in keys:
        once.setdefault(key.blob, key)
    return tuple(once.values())


def _names_type(blob: str, kind: str) -> bool:
    """The blob begins with the length and the text of its type (RFC 4253, 6.6), and holds a key beyond it."""
    try:
        data = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        return False
    name = kind.encode()
    return data[:_LENGTH] == len(name).to_bytes(_LENGTH, "big") and _is_whole(data) and data[_LENGTH:].startswith(name)


def _is_whole(data: bytes) -> bool:
    """The fields' lengths add up: a key that was cut off while copying has the right beginning too."""
    position = fields = 0
    while position + _LENGTH <= len(data):
        position += _LENGTH + int.from_bytes(data[position : position + _LENGTH], "big")
        fields += 1
    return position == len(data) and fields > 1
