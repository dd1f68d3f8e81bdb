# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of checksums, as publishers write them."""

from __future__ import annotations

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model.address import file_name
from ansible_collections.burrow.vm.plugins.module_utils._model.checksum import listed_checksum

SHA256, SHA512 = "a" * 64, "b" * 128
FEDORA = f"""# Fedora-Cloud-Base-Generic-44-1.7.x86_64.qcow2: 583729152 bytes
SHA256 (Fedora-Cloud-Base-Generic-44-1.7.x86_64.qcow2) = {"c" * 64}
# i.qcow2: 1 bytes
SHA256 (i.qcow2) = {SHA256}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{SHA512}  i.qcow2\n", f"sha512:{SHA512}"),
        (f"{'c' * 128}  other\n{SHA512} *i.qcow2\n", f"sha512:{SHA512}"),
        (f"{SHA256}  ./i.qcow2\r\n", f"sha256:{SHA256}"),
        (f"{SHA256.upper()}  i.qcow2", f"sha256:{SHA256}"),
        (FEDORA, f"sha256:{SHA256}"),
        (f"SHA512 (i.qcow2) = {SHA512}\nSHA256 (i.qcow2) = {SHA256}\n", f"sha512:{SHA512}"),
        (f"SHA2-256(i.qcow2)= {SHA256}\n", None),
        (f"MD5 (i.qcow2) = {'0' * 32}\n{SHA256}  i.qcow2\n", f"sha256:{SHA256}"),
    ],
)
def test_found(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="doesn't have"):
            listed_checksum(text, "i.qcow2")
    else:
        assert str(listed_checksum(text, "i.qcow2")) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "doesn't have i.qcow2$"),
        ("<html>", "doesn't have i.qcow2$"),
        (f"{SHA256}  xi.qcow2\n", "doesn't have i.qcow2$"),
        (f"{SHA256}  other/i.qcow2\n", "doesn't have i.qcow2$"),
        (f"{SHA256}  i.qcow2.sig\n", "doesn't have i.qcow2$"),
        (f"{'0' * 32}  i.qcow2\n", "but as a weak checksum"),
        (f"MD5 (i.qcow2) = {'0' * 32}\n", "but as a weak checksum"),
        # 64 digits of another algorithm, as BLAKE2s or SHA3-256 have.
        (f"BLAKE2 (i.qcow2) = {SHA256}\n", "but as a weak checksum"),
        (f"{SHA256}  i.qcow2\n{'c' * 64}  i.qcow2\n", "twice"),
        (f"{SHA256}  i.qcow2\n{SHA256} *i.qcow2\n", "twice"),
        (f"{SHA256}  i.qcow2\nSHA256 (i.qcow2) = {SHA256}\n", "twice"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        listed_checksum(text, "i.qcow2")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://m/a/i.qcow2?token=x#y", "i.qcow2"),
        ("https://m/a%20b.img", "a b.img"),
        ("https://m/", ""),
    ],
)
def test_the_name_that_a_list_has(url: str, name: str) -> None:
    assert file_name(url) == name
