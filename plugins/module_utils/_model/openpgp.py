# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP as gpgv speaks of it: keys as it reads them, and what its status lines say of a signature."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Union

from .._errors import SpecError
from .value import shown

PREFIX = "[GNUPG:] "
# RFC 9580's numbers. What isn't strong is refused: forgeries of MD5 and SHA-1 have been made.
_STRONG = {"8": "SHA256", "9": "SHA384", "10": "SHA512", "12": "SHA3-256", "14": "SHA3-512"}
_WEAK = {"1": "MD5", "2": "SHA-1", "3": "RIPEMD-160"}
# The class of a signature over a document, binary or text; others are over keys.
_DOCUMENT = ("00", "01")
_BLOCK = re.compile(rb"-----BEGIN PGP (?P<kind>[A-Z ]+)-----\r?\n(?P<body>.*?)-----END PGP (?P=kind)-----", re.DOTALL)
_PUBLIC, _PRIVATE = b"PUBLIC KEY BLOCK", b"PRIVATE KEY BLOCK"
# The fingerprint of a key of version 4, and of 5 or 6.
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


@dataclass(frozen=True)
class Signature:
    """A good one. key is the fingerprint of the primary key, made the time in UTC."""

    key: str
    made: str


def parse_fingerprint(value: object) -> str:
    fingerprint = re.sub(r"\s", "", str(value)).upper()
    if not _FINGERPRINT.fullmatch(fingerprint):
        hint = "Write the whole of it, 40 hexadecimal digits; spaces are fine. A key's short number proves nothing."
        raise SpecError("fingerprint", f"{shown(value)} is not the fingerprint of a key", hint)
    return fingerprint


def dearmored(data: bytes) -> bytes:
    """The keys as gpgv reads them: not every version of it takes ASCII armour. Without a public key, a ValueError."""
    if b"-----BEGIN PGP " not in data:
        # A packet's first byte has its highest bit set; GnuPG's own keybox names itself at byte 8.
        if data[:1] >= b"\x80" or data[8:12] == b"KBXf":
            return data
        raise ValueError("it holds no OpenPGP key")
    blocks = list(_BLOCK.finditer(data))
    if any(block["kind"] == _PRIVATE for block in blocks):
        raise ValueError("it holds a private key, which belongs nowhere but to its owner")
    keys = [_body(block["body"]) for block in blocks if block["kind"] == _PUBLIC]
    if not keys:
        raise ValueError("it holds no public key")
    return b"".join(keys)


def _body(armoured: bytes) -> bytes:
    """Without the headers, which end at an empty line, and the checksum, which begins with an equals sign."""
    lines = [line.strip() for line in armoured.splitlines()]
    lines = lines[lines.index(b"") + 1 :] if b"" in lines else lines
    try:
        return base64.b64decode(b"".join(line for line in lines if not line.startswith(b"=")), validate=True)
    except binascii.Error:
        raise ValueError("its ASCII armour is damaged") from None


def read_status(status: str, fingerprint: str = "", *, clear: bool = False) -> Signature:
    """The good signature that gpgv found, by the key of that fingerprint where one is stated.

    A ValueError says why there is none. One good signature is enough: keys are changed by signing with both.
    clear: the document holds its signature. Then gpgv has to have seen one text, and else none: what it warns of and
    accepts are a detached signature that is a document of its own, and a document that is two.
    """
    texts = sum(line.startswith(f"{PREFIX}PLAINTEXT ") for line in status.splitlines())
    if texts != clear or f"{PREFIX}ERROR " in status:
        raise ValueError("it is no clear-signed document" if clear else "it is no detached signature")
    problems = []
    for words in _signatures(status):
        verdict = _judge(words, fingerprint)
        if isinstance(verdict, Signature):
            return verdict
        problems.append(verdict)
    raise ValueError(problems[0] if problems else "it is no signature")


def _signatures(status: str) -> list[list[list[str]]]:
    """The lines of each signature, in words."""
    found: list[list[list[str]]] = []
    current: list[list[str]] = []
    for line in status.splitlines():
        if not line.startswith(PREFIX):
            continue
        words = line[len(PREFIX) :].split()
        if words[:1] == ["NEWSIG"]:
            current = []
            found.append(current)
        current.append(words)
    return found


def _judge(lines: Sequence[Sequence[str]], fingerprint: str) -> Union[Signature, str]:
    """The signature, or what is wrong with it."""
    found = {words[0]: [*words, *[""] * 10] for words in lines if words}
    problem = next((problem for keyword, problem in _PROBLEMS.items() if keyword in found), "")
    if problem:
        return problem
    if "ERRSIG" in found:
        return _unchecked(found["ERRSIG"], fingerprint)
    if "VALIDSIG" not in found or "GOODSIG" not in found:
        return "it is no signature"
    # Between them: date, expiry, version, a reserved word and the key's algorithm.
    signer, made, digest, kind, primary = (found["VALIDSIG"][number] for number in (1, 3, 8, 9, 10))
    if fingerprint and fingerprint not in (signer, primary):
        return _other_key(primary, fingerprint)
    if kind not in _DOCUMENT or digest not in _STRONG:
        return "it is no signature of a document" if kind not in _DOCUMENT else _weak(digest)
    return Signature(primary, datetime.fromtimestamp(int(made), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))


_PROBLEMS = {
    "BADSIG": "what is signed was changed or damaged after it was signed",
    "REVKEYSIG": "its key was revoked by its owner",
    "EXPKEYSIG": "its key has expired",
    "EXPSIG": "the signature has expired",
}


def _unchecked(words: Sequence[str], fingerprint: str) -> str:
    """words: ERRSIG, key's number, algorithms of key and digest, class, time, reason, fingerprint."""
    digest, signer = words[3], words[7] if words[7] not in ("", "-") else words[1]
    if digest not in _STRONG:
        return _weak(digest)
    # GPG_ERR_NO_PUBKEY
    return _other_key(signer, fingerprint) if words[6] == "9" else f"key {signer} can't check it"


def _other_key(signer: str, fingerprint: str) -> str:
    trusted = f", not by {fingerprint}" if fingerprint else ", which isn't in `key`"
    return f"it is signed by key {signer}{trusted}"


def _weak(digest: str) -> str:
    return f"it was made with {_WEAK.get(digest, f'digest algorithm {digest}')}, which is too weak to prove anything"
