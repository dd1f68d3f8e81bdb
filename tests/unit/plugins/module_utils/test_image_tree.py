# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A build's digest: over what is in the tree, and over nothing else."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import tree
from ansible_collections.burrow.vm.plugins.module_utils._model.release import ARCHITECTURES, DEFAULT_CONTENT, RELEASES

RELEASE, AMD64 = RELEASES["debian-13"], ARCHITECTURES["x86_64"]
KERNEL = "6.12.1-cloud-amd64"
SOURCES = {"etc/apt/sources.list.d/debian.sources": b"Types: deb\n"}


def fill(root: Path) -> Path:
    """Something of everything that a build leaves."""
    files = {
        f"boot/vmlinuz-{KERNEL}": b"kernel",
        f"boot/initrd.img-{KERNEL}": b"initrd",
        "usr/lib/systemd/boot/efi/systemd-bootx64.efi": b"loader",
        "etc/shadow": b"root:*:20413:0:99999:7:::\nsync:!*:20413::::::\n",
        "etc/shadow-": b"old",
        "etc/hostname": b"builder\n",
        "etc/resolv.conf": b"nameserver 192.0.2.1\n",
        "etc/machine-id": b"0123456789abcdef0123456789abcdef\n",
        "etc/apt/sources.list": b"deb http://joe:secret@m/debian trixie main\n",
        "etc/apt/apt.conf.d/00mmdebstrap": b"x",
        "etc/ssh/ssh_host_ed25519_key": b"private",
        "var/log/apt/history.log": b"today",
        "var/log/dpkg.log": b"today",
        "var/cache/ldconfig/aux-cache": b"inodes",
        "var/cache/apt/archives/x.deb": b"deb",
        "var/lib/apt/lists/m_dists": b"list",
        "var/lib/apt/extended_states": b"Package: b\nAuto: 1\n\nPackage: a\nAuto: 1\n\n",
        "tmp/left": b"over",
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    os.utime(root / f"boot/vmlinuz-{KERNEL}", (86400 * 20000, 86400 * 20000))
    return root


def seal(root: Path) -> tree.Kernel:
    return tree.seal(str(root), RELEASE, AMD64, SOURCES)


def test_a_sealed_tree_has_no_trace_of_its_build(tmp_path: Path) -> None:
    root = fill(tmp_path)
    kernel = seal(root)
    assert (kernel.version, kernel.epoch) == (KERNEL, 86400 * 20000)
    left = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert not {
        name for name in left if "mmdebstrap" in name or "ssh_host" in name or name.startswith(("tmp", "var/log"))
    }
    assert not left & {
        "etc/shadow-",
        "etc/apt/sources.list",
        "var/cache/ldconfig/aux-cache",
        "var/lib/apt/lists/m_dists",
    }
    assert b"secret" not in b"".join((root / name).read_bytes() for name in left)
    assert (root / "etc/machine-id").read_bytes() == b""
    assert (root / "etc/hostname").read_text() == "debian\n"
    assert os.readlink(root / "etc/resolv.conf").endswith("stub-resolv.conf")
    assert (root / "etc/shadow").read_text() == "root:*:20000:0:99999:7:::\nsync:!*:20000::::::\n"
    assert (root / "var/lib/apt/extended_states").read_bytes().startswith(b"Package: a\n")
    assert (root / "etc/apt/sources.list.d/debian.sources").read_bytes() == b"Types: deb\n"
    assert os.stat(root / "etc/.updated").st_mtime > os.stat(root / "usr").st_mtime


def test_two_builds_have_one_digest(tmp_path: Path) -> None:
    digests = []
    for day in (20413, 20414):
        root = fill(tmp_path / str(day))
        shadow = root / "etc/shadow"
        shadow.write_bytes(shadow.read_bytes().replace(b"20413", str(day).encode()))
        (root / "var/log/dpkg.log").write_text(str(day))
        kernel = seal(root)
        esp = tmp_path / f"esp-{day}"
        tree.make_esp(str(root), str(esp), RELEASE, AMD64, kernel)
        digests.append(tree.digest(DEFAULT_CONTENT, str(root), str(esp)))
    assert digests[0] == digests[1]


def test_the_esp_boots_without_nvram(tmp_path: Path) -> None:
    root = fill(tmp_path / "tree")
    tree.make_esp(str(root), str(tmp_path / "esp"), RELEASE, AMD64, seal(root))
    files = {str(path.relative_to(tmp_path / "esp")) for path in (tmp_path / "esp").rglob("*") if path.is_file()}
    assert files == {
        "EFI/BOOT/BOOTX64.EFI",
        "EFI/systemd/systemd-bootx64.efi",
        f"burrow/{KERNEL}/linux",
        f"burrow/{KERNEL}/initrd.img-{KERNEL}",
        "loader/loader.conf",
        f"loader/entries/burrow-{KERNEL}.conf",
    }


@pytest.mark.parametrize("kernels", [0, 2])
def test_one_kernel_is_meant(tmp_path: Path, kernels: int) -> None:
    (tmp_path / "boot").mkdir()
    for number in range(kernels):
        (tmp_path / f"boot/vmlinuz-{number}").touch()
    with pytest.raises(HostError, match=f"{kernels} kernels"):
        tree.find_kernel(str(tmp_path), "debian-13")


def content(root: Path) -> None:
    (root / "file").write_bytes(b"other")


def mode(root: Path) -> None:
    os.chmod(root / "file", 0o4755)


def link(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("elsewhere")


def more(root: Path) -> None:
    (root / "more").touch()


def kind(root: Path) -> None:
    (root / "file").unlink()
    (root / "file").mkdir()


def name(root: Path) -> None:
    (root / "file").rename(root / "fil\ne")


@pytest.mark.parametrize("change", [content, mode, link, more, kind, name])
def test_what_changes_a_digest(tmp_path: Path, change: Callable[[Path], None]) -> None:
    (tmp_path / "file").write_bytes(b"content")
    os.chmod(tmp_path / "file", 0o644)
    (tmp_path / "link").symlink_to("file")
    before = tree.digest(DEFAULT_CONTENT, str(tmp_path))
    change(tmp_path)
    assert tree.digest(DEFAULT_CONTENT, str(tmp_path)) != before


def test_times_do_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    before = tree.digest(DEFAULT_CONTENT, str(tmp_path))
    os.utime(tmp_path / "file", (1, 1))
    assert tree.digest(DEFAULT_CONTENT, str(tmp_path)) == before


def test_the_manifest_is_sorted_and_has_one_line_each(tmp_path: Path) -> None:
    for directory in ("b", "a", "a/c"):
        (tmp_path / directory).mkdir()
    (tmp_path / "a/x\ny").touch()
    lines = list(tree.manifest(str(tmp_path)))
    assert [line.split(b" ")[0] for line in lines] == [b"b'.'", b"b'a'", b"b'a/c'", b"b'a/x\\ny'", b"b'b'"]
    assert all(b"\n" not in line for line in lines)
    assert int(lines[0].split(b" ")[1], 8) == stat.S_IFDIR
