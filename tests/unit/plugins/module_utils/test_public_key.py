# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys, and that nothing which may be a private one is repeated."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.public_key import parse_public_key, parse_public_keys

CANARY = "Y2FuYXJ5"


def blob(kind: str = "ssh-ed25519", key: bytes = b"k" * 32) -> str:
    fields = (kind.encode(), key)
    return base64.b64encode(b"".join(len(field).to_bytes(4, "big") + field for field in fields)).decode()


ED25519 = f"ssh-ed25519 {blob()}"


@pytest.mark.parametrize(
    "kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521", "sk-ssh-ed25519@openssh.com"]
)
def test_each_type_is_taken(kind: str) -> None:
    key = parse_public_key(f"{kind} {blob(kind)} ada at home")
    assert (key.type, key.comment) == (kind, "ada at home")


def test_a_key_is_one_line_again() -> None:
    assert parse_public_key(f"  {ED25519}   me@x \n").line == f"{ED25519} me@x"
    assert parse_public_key(ED25519).line == ED25519


@pytest.mark.parametrize(
    "written",
    [
        "",
        None,
        5,
        [],
        "hello",
        f"ssh-dss {blob('ssh-dss')}",
        f"ssh-rsa {blob()}",
        f"ssh-ed25519 {blob()[:-8]}",
        f"ssh-ed25519 {blob()[:20]}",
        "ssh-ed25519 %%%%",
        "ssh-ed25519",
        f"{ED25519}\n{ED25519}",
        f"{ED25519} a\x1b[31mb",
        f'command="sh" {ED25519}',
        f"-oProxyCommand=x {blob()}",
    ],
)
def test_what_is_no_key(written: object) -> None:
    with pytest.raises(SpecError) as caught:
        parse_public_key(written, "authorized_keys[0]")
    assert str(caught.value).startswith("authorized_keys[0]: ")
    assert blob()[:12] not in str(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n",
        f"-----BEGIN PRIVATE KEY-----{CANARY}",
        f"PuTTY-User-Key-File-3: ssh-ed25519\n{CANARY}",
        f"b3BlbnNzaC1rZXktdjEAAAA{CANARY}",
    ],
)
def test_a_private_key_is_named_and_never_repeated(written: str) -> None:
    for read in (parse_public_key, parse_public_keys):
        for value in (written, [written]) if read is parse_public_keys else (written,):
            with pytest.raises(SpecError, match="it is a private key") as caught:
                read(value, "keys")
            assert CANARY not in str(caught.value)


def test_keys_come_as_a_list_or_as_a_file() -> None:
    other = f"ssh-ed25519 {blob(key=b'o' * 32)}"
    text = f"# ours\n{ED25519} a\n\n{other}\n"
    assert parse_public_keys(text) == parse_public_keys([f"{ED25519} a", other])


def test_each_key_counts_once() -> None:
    keys = parse_public_keys([f"{ED25519} a", f"{ED25519} b"])
    assert [key.comment for key in keys] == ["a"]


@pytest.mark.parametrize("written", [5, {"a": 1}, None])
def test_what_is_no_list_of_keys(written: object) -> None:
    with pytest.raises(SpecError, match="it is not a list"):
        parse_public_keys(written)
