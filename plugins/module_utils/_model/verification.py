# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves an image: as it is asked for, and as it is noted of one that was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Optional

from .._errors import SpecError
from .address import parse_url
from .catalog import Entry
from .checksum import Checksum, parse_checksum
from .openpgp import parse_fingerprint
from .release import Architecture
from .value import absolute_path, choice
from .vendor_keys import vendor_key

NONE, CHECKSUM, SIGNATURE = "none", "checksum", "signature"
# The weaker first.
LEVELS = (NONE, CHECKSUM, SIGNATURE)
# Where a key is from, when it isn't a file's path.
BUILT_IN, STATED, APT = "collection", "stated", "apt"
ARMOUR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"


@dataclass(frozen=True)
class Verification:
    """What proved an image, from the key to the bytes.

    checksum is what the bytes were compared with, checksum_url the list that has it (None when it was stated),
    signature_url what signs the list (the list itself when it is clear-signed), key the signer's fingerprint,
    key_source where the key is from, and signed when the list was.
    """

    level: str = NONE
    checksum: Optional[str] = None
    checksum_url: Optional[str] = None
    signature_url: Optional[str] = None
    key: Optional[str] = None
    key_source: Optional[str] = None
    signed: Optional[str] = None

    def document(self) -> dict[str, object]:
        return asdict(self)

    def proves(self, level: str) -> bool:
        return LEVELS.index(self.level) >= LEVELS.index(level)


def read_verification(document: object) -> Verification:
    """That of a record. One that can't be read proves nothing."""
    if not isinstance(document, Mapping) or document.get("level") not in LEVELS:
        return Verification()
    try:
        return Verification(**document)
    except TypeError:
        return Verification()


@dataclass(frozen=True)
class Trust:
    """What has to prove an image. Without a signature_url a signed list holds its signature.

    level is the one to reach, stated the user's own, if any. key is a path or ASCII armour, empty for the collection's
    own of that fingerprint. insists: what was stated names the publisher's bytes or signer, which a build hasn't got.
    """

    level: str = NONE
    stated: Optional[str] = None
    checksum: Optional[Checksum] = None
    checksum_url: str = ""
    signature_url: str = ""
    key: str = ""
    fingerprint: str = ""
    insists: bool = False


def parse_trust(params: Mapping[str, object], published: Trust) -> Trust:
    """What the options state, and for the rest what the publisher of the catalog's image offers."""
    stated = params.get("verify")
    checksum = params.get("checksum")
    own = Trust(
        stated=None if stated is None else choice(stated, "verify", LEVELS),
        checksum=None if checksum is None else parse_checksum(checksum),
        checksum_url=parse_url(params.get("checksum_url"), "checksum_url"),
        signature_url=parse_url(params.get("signature_url"), "signature_url"),
        key=_parse_key(params.get("key")),
        fingerprint="" if params.get("fingerprint") is None else parse_fingerprint(params["fingerprint"]),
    )
    signed = bool(own.signature_url or own.key or own.fingerprint)
    offered = own if own.checksum_url or own.signature_url else published
    merged = replace(
        own,
        checksum_url=offered.checksum_url,
        signature_url=offered.signature_url,
        fingerprint=own.fingerprint or ("" if own.key else offered.fingerprint),
        insists=own.checksum is not None or signed,
    )
    if signed and offered is published and published.level == CHECKSUM:
        raise SpecError("verify", "the publisher of this image signs nothing", "Leave out `key` and `fingerprint`.")
    if own.stated == NONE and (own.checksum or own.checksum_url):
        raise SpecError("verify", "a checksum is stated, and verify is none", "Leave out one of them.")
    merged = replace(merged, level=own.stated or _strongest(merged, signed, offered))
    _check(merged, signed)
    return merged


def _strongest(trust: Trust, signed: bool, offered: Trust) -> str:
    """A checksum that is stated names the very bytes; nobody needs to have signed a list of it, too."""
    if signed:
        return SIGNATURE
    if trust.checksum is not None:
        return CHECKSUM
    return offered.level if offered.level != NONE else CHECKSUM if trust.checksum_url else NONE


def _check(trust: Trust, signed: bool) -> None:
    if signed and not trust.checksum_url:
        hint = "What publishers sign is a list of checksums: state its address."
        raise SpecError("checksum_url", "it is missing, and a signature is asked for", hint)
    if trust.level == SIGNATURE:
        if not (signed or trust.fingerprint):
            raise SpecError("verify", "nothing that is signed is known of this image", _UNSIGNED)
        if not trust.key and vendor_key(trust.fingerprint) is None:
            problem = "it is missing" if not trust.fingerprint else "the collection has none of that fingerprint"
            raise SpecError("key", problem, "State the publisher's public key: its file on the host, or its text.")
    elif signed:
        raise SpecError("verify", f"a signature is stated, and verify is {trust.level}", "Leave out one of them.")
    if trust.level == CHECKSUM and trust.checksum is None and not trust.checksum_url:
        raise SpecError("checksum", "it is missing", "State `checksum`, or the `checksum_url` of a list that has it.")


_UNSIGNED = "Leave it out, or state `checksum_url` and `key`, and `signature_url` where the list isn't clear-signed."


def of_entry(entry: Optional[Entry], architecture: Architecture) -> Trust:
    """What the publisher of a catalog's image offers; nothing without one."""
    if entry is None:
        return Trust()
    checksum_url = entry.address(entry.checksum_url, architecture)
    if not entry.fingerprint:
        return Trust(CHECKSUM, checksum_url=checksum_url)
    signature_url = entry.address(entry.signature_url, architecture)
    return Trust(SIGNATURE, None, None, checksum_url, signature_url, "", entry.fingerprint)


def _parse_key(value: object) -> str:
    if value is None:
        return ""
    text = str(value).strip()
    if ARMOUR in text:
        return text + "\n"
    if "PRIVATE KEY BLOCK" in text:
        raise SpecError("key", "it is a private key", "State the public one: gpg --armor --export FINGERPRINT.")
    if not text.startswith("/"):
        hint = f"State a file of the host, or the text that begins with {ARMOUR}."
        raise SpecError("key", "it is neither a path nor a public key", hint)
    return absolute_path(text, "key")
