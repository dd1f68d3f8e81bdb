# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image has to be, found before the image is fetched: from the key to the list, from the list to the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .._errors import HostError, SpecError
from .._model.address import public_url
from .._model.checksum import Checksum, listed_checksum
from .._model.openpgp import Signature, dearmored
from .._model.vendor_keys import vendor_key
from .._model.verification import ARMOUR, BUILT_IN, CHECKSUM, NONE, SIGNATURE, STATED, Trust, Verification
from . import files, http
from .gpgv import verified

# A list of some thousand images; what is longer is none.
_LONGEST = 1 << 20


@dataclass(frozen=True)
class Proof:
    """checksums are all that the bytes are to have."""

    checksums: tuple[Checksum, ...]
    verification: Verification


def prove(trust: Trust, file_name: str, name: str) -> Proof:
    """What proves the image that a publisher calls file_name, or an error that says why nothing does."""
    stated = () if trust.checksum is None else (trust.checksum,)
    if trust.level == NONE:
        return Proof((), Verification())
    if not trust.checksum_url or (stated and trust.level == CHECKSUM):
        return Proof(stated, Verification(CHECKSUM, str(trust.checksum)))
    listing = _fetch(trust.checksum_url, "list of checksums", name)
    signature: Optional[Signature] = None
    if trust.level == SIGNATURE:
        listing, signature = _signed(listing, trust, name)
    try:
        checksum = listed_checksum(listing.decode("utf-8", "replace"), file_name)
    except ValueError as error:
        cause = f"{public_url(trust.checksum_url)} is no list that tells: {error}"
        raise HostError("verify it", name, cause, "Look at the list's address.", "no_checksum") from error
    return Proof((checksum, *stated), _noted(trust, checksum, signature))


def _noted(trust: Trust, checksum: Checksum, signature: Optional[Signature]) -> Verification:
    place = public_url(trust.checksum_url)
    if signature is None:
        return Verification(CHECKSUM, str(checksum), place)
    source = BUILT_IN if not trust.key else STATED if ARMOUR in trust.key else trust.key
    beside = public_url(trust.signature_url) if trust.signature_url else place
    return Verification(SIGNATURE, str(checksum), place, beside, signature.key, source, signature.made)


def _signed(listing: bytes, trust: Trust, name: str) -> tuple[bytes, Signature]:
    beside = _fetch(trust.signature_url, "signature", name) if trust.signature_url else None
    try:
        return verified(listing, beside, _keys(trust), trust.fingerprint, name)
    except ValueError as error:
        place = public_url(trust.signature_url or trust.checksum_url)
        hint = "Nothing was downloaded. Believe another key only when its owner tells you of it."
        cause = f"the signature in {place} is refused: {error}"
        raise HostError("verify it", name, cause, hint, "signature") from error


def _keys(trust: Trust) -> bytes:
    if not trust.key:
        return vendor_key(trust.fingerprint) or b""
    try:
        if ARMOUR in trust.key:
            return dearmored(trust.key.encode())
        data = files.read(trust.key)
        if data is None:
            raise SpecError("key", f"{trust.key} is not there", "Name a file of this host, or state the key's text.")
        return dearmored(data)
    except ValueError as error:
        hint = "State the publisher's public key, as `gpg --export` writes it, in ASCII armour or not."
        raise SpecError("key", str(error), hint) from error


def _fetch(url: str, what: str, name: str) -> bytes:
    try:
        return http.fetch(url, name, _LONGEST)
    except HostError as error:
        raise HostError(f"read the {what} {public_url(url)}", name, error.cause, error.hint, error.code) from error
