# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys of guests. The private half never leaves its file but into the seed."""

from __future__ import annotations

import os
from typing import Optional

from .._errors import HostError, SpecError
from .._model.public_key import parse_public_key
from . import files
from .beside import leftovers
from .process import run


def read(path: str) -> Optional[tuple[str, str]]:
    """The private key's text and the public key (type and base64), or None when there is no key."""
    private = files.read(path)
    if private is None:
        return None
    public = files.read(f"{path}.pub")
    if public is None:
        # A run was killed between the two.
        command = ["ssh-keygen", "-y", "-f", path]
        public = run(command, operation="read the host key", obj=path, package="openssh-client")
    try:
        key = parse_public_key(public.decode("ascii", "replace").strip())
    except SpecError as error:
        raise HostError("read the host key", path, "it is damaged") from error
    return private.decode("ascii", "replace"), f"{key.type} {key.blob}"


def generate(path: str, comment: str) -> None:
    """Make an ed25519 key pair. The private key gets its name first: the public one follows from it."""
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.new.part")
    # ssh-keygen asks before it replaces what a killed run left.
    clean(path)
    arguments = ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", temporary]
    try:
        run(["ssh-keygen", *arguments], operation="make a host key", obj=comment, package="openssh-client")
        private, public = files.read(temporary), files.read(f"{temporary}.pub")
        if not private or not public:
            raise HostError("make a host key", comment, "ssh-keygen wrote none")
        files.write(path, private, 0o600)
        files.write(f"{path}.pub", public, 0o644)
    finally:
        clean(path)


def clean(path: str) -> None:
    """Remove what killed runs left beside a key: it holds one too."""
    for name in (*leftovers(path), *leftovers(f"{path}.pub")):
        files.remove(name)
    files.remove(os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.new.part.pub"))
