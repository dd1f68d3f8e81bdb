# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures, checked by gpgv: it knows the keys that it is given, and nobody's keyring."""

from __future__ import annotations

import os
import tempfile
from typing import Optional

from .._errors import HostError
from .._model.openpgp import Signature, read_status
from .process import find, run

_PROGRAM = "gpgv"
_TIMEOUT = 30.0


def verified(
    document: bytes, signature: Optional[bytes], keys: bytes, fingerprint: str, name: str
) -> tuple[bytes, Signature]:
    """What of the document is signed, and by whom. Without a signature beside it, the document holds its own.

    keys are as gpgv reads them; a fingerprint says which of them counts. A ValueError says why nothing is signed.
    """
    if find(_PROGRAM) is None:
        hint = "Install package gpgv (gnupg2 on Fedora and its kin), or content yourself with `verify: checksum`."
        raise HostError("verify its signature", name, "gpgv is not installed", hint, "missing_program")
    # Ours alone, mode 0700, and gone with the answer.
    with tempfile.TemporaryDirectory(prefix="burrow-gpgv-") as directory:
        place = {entry: os.path.join(directory, entry) for entry in ("keys.gpg", "document", "signature", "signed")}
        for entry, content in (("keys.gpg", keys), ("document", document), ("signature", signature)):
            if content is not None:
                with open(place[entry], "wb") as stream:
                    stream.write(content)
        arguments = [_PROGRAM, "--homedir", directory, "--keyring", place["keys.gpg"], "--status-fd", "1"]
        if signature is None:
            # Only what is inside the signature comes out; text around it is nobody's.
            arguments += ["--output", place["signed"], place["document"]]
        else:
            arguments += [place["signature"], place["document"]]
        status = run(
            arguments, operation="verify its signature", obj=name, timeout=_TIMEOUT, package="gpgv", accepted=(0, 1, 2)
        )
        found = read_status(status.decode("utf-8", "replace"), fingerprint, clear=signature is None)
        if signature is not None:
            return document, found
        with open(place["signed"], "rb") as stream:
            return stream.read(), found
