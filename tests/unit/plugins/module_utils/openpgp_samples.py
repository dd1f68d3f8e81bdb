# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and signatures of the tests' own, made by gpg."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Signers:
    """A keyring of its own, and what is signed with it. A signer is a word."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.fingerprints: dict[str, str] = {}

    def make(self, signer: str, expires: str = "never", *options: str) -> str:
        """A key, and its fingerprint."""
        self._gpg(*options, "--quick-gen-key", f"{signer} <{signer}@example.com>", "ed25519", "sign", expires)
        listed = self._gpg("--list-keys", "--with-colons", f"<{signer}@example.com>").decode()
        found = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        self.fingerprints[signer] = found
        return found

    def sign(self, content: bytes, *signers: str, clear: bool = False, options: tuple[str, ...] = ()) -> bytes:
        users = [word for signer in signers for word in ("--local-user", self.fingerprints[signer])]
        kind = ["--clear-sign"] if clear else ["--armor", "--detach-sign"]
        return self._gpg(*users, *options, *kind, content=content)

    def key(self, *signers: str, armoured: bool = False) -> bytes:
        options = ["--armor"] if armoured else []
        return self._gpg(*options, "--export", *(self.fingerprints[signer] for signer in signers))

    def private_key(self, signer: str) -> bytes:
        return self._gpg("--armor", "--export-secret-keys", self.fingerprints[signer])

    def revoke(self, signer: str) -> None:
        prepared = Path(self.home, "openpgp-revocs.d", f"{self.fingerprints[signer]}.rev").read_text(encoding="utf-8")
        # gpg disables the certificate that it prepares by a colon.
        self._gpg("--import", content=prepared.replace("\n:-----", "\n-----").encode())

    def _gpg(self, *arguments: str, content: bytes = b"") -> bytes:
        command = ["gpg", "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""]
        environment = {**os.environ, "GNUPGHOME": self.home, "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [*command, *arguments], input=content, env=environment, check=True, stdout=subprocess.PIPE, timeout=60
        ).stdout


@contextmanager
def signers() -> Iterator[Signers]:
    # Not below pytest's own directory: the path of the agent's socket has room for 107 characters.
    home = tempfile.mkdtemp(prefix="burrow-gpg-")
    try:
        yield Signers(home)
    finally:
        subprocess.run(
            ["gpgconf", "--kill", "gpg-agent"], env={**os.environ, "GNUPGHOME": home}, check=False, timeout=60
        )
        shutil.rmtree(home, ignore_errors=True)
