# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures that are good, and those that are refused by name. The keys and gpgv are real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError, SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.gpgv import verified
from ansible_collections.burrow.vm.plugins.module_utils._model.openpgp import dearmored, parse_fingerprint, read_status
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.openpgp_samples import Signers, signers

LIST = b"0123  image.qcow2\n"
_THEN = ("--faked-system-time", "20200102T000000!")


@pytest.fixture(scope="module")
def people() -> Iterator[Signers]:
    with signers() as found:
        for signer in ("good", "other", "revoked"):
            found.make(signer)
        found.make("expired", "30d", "--faked-system-time", "20200101T000000!")
        yield found


def check(people: Signers, document: bytes, signature: bytes | None, signer: str, fingerprint: str = "") -> str:
    text, found = verified(document, signature, people.key(signer), fingerprint, "x")
    assert text == LIST
    return found.key


def test_detached(people: Signers) -> None:
    signature = people.sign(LIST, "good")
    assert check(people, LIST, signature, "good") == people.fingerprints["good"]
    assert check(people, LIST, signature, "good", people.fingerprints["good"]) == people.fingerprints["good"]


def test_clear_signed(people: Signers) -> None:
    assert check(people, people.sign(LIST, "good", clear=True), None, "good") == people.fingerprints["good"]


def test_keys_are_changed_by_signing_with_both(people: Signers) -> None:
    for signature in (people.sign(LIST, "other", "good"), people.sign(LIST, "good", "other")):
        assert check(people, LIST, signature, "good") == people.fingerprints["good"]


@pytest.mark.parametrize("digest", ["SHA256", "SHA384", "SHA512"])
def test_strong_digests(people: Signers, digest: str) -> None:
    check(people, LIST, people.sign(LIST, "good", options=("--digest-algo", digest)), "good")


@pytest.mark.parametrize(
    ("digest", "named"), [("SHA1", "SHA-1"), ("MD5", "MD5"), ("RIPEMD160", "RIPEMD-160"), ("SHA224", "algorithm 11")]
)
def test_weak_digests(people: Signers, digest: str, named: str) -> None:
    options = ("--digest-algo", digest, "--allow-weak-digest-algos")
    with pytest.raises(ValueError, match=f"{named}, which is too weak"):
        check(people, LIST, people.sign(LIST, "good", options=options), "good")


def test_another_list(people: Signers) -> None:
    with pytest.raises(ValueError, match="changed or damaged"):
        check(people, LIST + b"evil", people.sign(LIST, "good"), "good")
    clear = people.sign(LIST, "good", clear=True)
    with pytest.raises(ValueError, match="changed or damaged"):
        check(people, clear.replace(b"0123", b"4567"), None, "good")


def test_another_key(people: Signers) -> None:
    good, other = people.fingerprints["good"], people.fingerprints["other"]
    signature = people.sign(LIST, "other")
    with pytest.raises(ValueError, match=f"signed by key {other}, which isn't in `key`"):
        check(people, LIST, signature, "good")
    with pytest.raises(ValueError, match=f"signed by key {other}, not by {good}"):
        check(people, LIST, signature, "good", good)
    # It is in the keyring, and isn't the one that counts.
    with pytest.raises(ValueError, match=f"signed by key {other}, not by {good}"):
        verified(LIST, signature, people.key("good", "other"), good, "x")


def test_a_revoked_key(people: Signers) -> None:
    signature = people.sign(LIST, "revoked")
    check(people, LIST, signature, "revoked")
    people.revoke("revoked")
    with pytest.raises(ValueError, match="revoked by its owner"):
        check(people, LIST, signature, "revoked")


def test_an_expired_key(people: Signers) -> None:
    with pytest.raises(ValueError, match="its key has expired"):
        check(people, LIST, people.sign(LIST, "expired", options=_THEN), "expired")


def test_an_expired_signature(people: Signers) -> None:
    people.make("early", "never", "--faked-system-time", "20200101T000000!")
    signature = people.sign(LIST, "early", options=(*_THEN, "--default-sig-expire", "1d"))
    with pytest.raises(ValueError, match="the signature has expired"):
        check(people, LIST, signature, "early")


@pytest.mark.parametrize("signature", [b"", b"<html>", b"-----BEGIN PGP SIGNATURE-----\n\nx\n"])
def test_what_is_no_signature(people: Signers, signature: bytes) -> None:
    with pytest.raises(ValueError, match="it is no signature"):
        check(people, LIST, signature, "good")


def test_what_is_not_signed_at_all(people: Signers) -> None:
    with pytest.raises(ValueError, match="it is no clear-signed document"):
        check(people, LIST, None, "good")


def test_a_signed_document_is_no_signature_of_another(people: Signers) -> None:
    with pytest.raises(ValueError, match="it is no"):
        check(people, LIST, people.sign(b"evil\n", "good", clear=True), "good")


def test_text_around_what_is_signed_is_nobodys(people: Signers) -> None:
    evil = b"9999  image.qcow2\n"
    clear = people.sign(LIST, "good", clear=True)
    for document in (evil + clear, clear + evil):
        text, _signature = verified(document, None, people.key("good"), "", "x")
        assert text == LIST


def test_two_documents_in_one(people: Signers) -> None:
    evil = people.sign(b"9999  image.qcow2\n", "other", clear=True)
    clear = people.sign(LIST, "good", clear=True)
    for document in (evil + clear, clear + evil):
        with pytest.raises(ValueError, match="it is no clear-signed document"):
            verified(document, None, people.key("good"), "", "x")


def test_without_gpgv(people: Signers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    signature, key = people.sign(LIST, "good"), people.key("good")
    monkeypatch.setattr("shutil.which", lambda *arguments, **options: None)
    with pytest.raises(HostError, match="gpgv is not installed") as caught:
        verified(LIST, signature, key, "", "x")
    assert caught.value.code == "missing_program"
    assert "verify: checksum" in caught.value.hint


def test_keys_in_armour(people: Signers) -> None:
    key = people.key("good")
    assert dearmored(key) == key
    assert dearmored(people.key("good", armoured=True)) == key
    both = b"Our keys:\n" + people.key("good", armoured=True) + b"and\n" + people.key("other", armoured=True)
    assert dearmored(both.replace(b"\n", b"\r\n")) == key + people.key("other")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no OpenPGP key"),
        (b"<html>", "no OpenPGP key"),
        (b"-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n", "no public key"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!\n-----END PGP PUBLIC KEY BLOCK-----\n", "armour is damaged"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n", "no public key"),
    ],
)
def test_what_is_no_key(data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        dearmored(data)


def test_a_private_key_is_refused(people: Signers) -> None:
    with pytest.raises(ValueError, match="private key"):
        dearmored(people.private_key("good"))


def test_fingerprints() -> None:
    stated = "d2eb 4462 6fdd c30b 513d  5bb7 1a5d 6c4c 7db8 7c81"
    assert parse_fingerprint(stated) == "D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81"
    for short in ("7DB87C81", "1A5D6C4C7DB87C81", "", "x" * 40):
        with pytest.raises(SpecError, match="not the fingerprint"):
            parse_fingerprint(short)


def test_status_without_a_verdict() -> None:
    lone = (
        "",
        "GOODSIG 1 x",
        "VALIDSIG 1",
        "NEWSIG",
        "NEWSIG\n[GNUPG:] GOODSIG 1 x",
        "NEWSIG\n[GNUPG:] VALIDSIG 1",
        "\n",
    )
    for status in (f"[GNUPG:] {line}" for line in lone):
        with pytest.raises(ValueError, match="it is no signature"):
            read_status(status)
