# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A built file tree: made clean of its build, and digested by what is in it."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .._errors import HostError
from .._model import recipe
from .._model.release import Architecture, Content, Release
from . import files

# What a build leaves behind and no guest wants: emptied directories, and removed files.
_EMPTIED = ("dev", "proc", "run", "sys", "tmp", "var/tmp", "var/cache/apt", "var/lib/apt/lists", "boot/efi")
_REMOVED = (
    # Logs; their directories stay.
    "var/log/*.log",
    "var/log/*/*.log",
    "var/log/*/*.log.xz",
    # Copies that tools keep of what they changed.
    "etc/passwd-",
    "etc/group-",
    "etc/shadow-",
    "etc/gshadow-",
    "etc/subuid-",
    "etc/subgid-",
    "var/lib/dpkg/*-old",
    "var/cache/debconf/*-old",
    # Caches made from inode numbers and times.
    "var/cache/ldconfig/aux-cache",
    # The traces of mmdebstrap and of its host.
    "etc/apt/apt.conf.d/*mmdebstrap",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "etc/apt/sources.list",
    "etc/apt/sources.list.d/*",
    "etc/resolv.conf",
    # What each guest makes for itself.
    "etc/ssh/ssh_host_*",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "root/.*_history",
)
_DAY = 86400


@dataclass(frozen=True)
class Kernel:
    """The kernel of a tree. epoch is when it was built."""

    version: str
    path: str
    initrd: str
    epoch: int


def find_kernel(tree: str, name: str) -> Kernel:
    """The tree's one kernel."""
    found = glob.glob(os.path.join(tree, "boot/vmlinuz-*"))
    if len(found) != 1:
        raise HostError("build the image", name, f"{len(found)} kernels were installed instead of one")
    path = found[0]
    version = os.path.basename(path)[len("vmlinuz-") :]
    return Kernel(version, path, os.path.join(tree, "boot", f"initrd.img-{version}"), int(os.stat(path).st_mtime))


def seal(tree: str, release: Release, architecture: Architecture, sources: Mapping[str, bytes]) -> Kernel:
    """Take the build's traces out of the tree and write the image's own files. sources are apt's, by path."""
    kernel = find_kernel(tree, release.name)
    for directory in _EMPTIED:
        path = os.path.join(tree, directory)
        os.makedirs(path, exist_ok=True)
        for name in os.listdir(path):
            files.remove(os.path.join(path, name))
    for pattern in _REMOVED:
        for path in glob.glob(os.path.join(tree, pattern)):
            files.remove(path)
    late = {path: text.encode() for path, text in recipe.late_files(release, architecture).items()}
    for path, data in {**late, **sources}.items():
        target = os.path.join(tree, path)
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        files.remove(target)
        with open(target, "wb") as stream:
            stream.write(data)
        os.chmod(target, 0o644)
    os.symlink("../run/systemd/resolve/stub-resolv.conf", os.path.join(tree, "etc/resolv.conf"))
    _settle_passwords(os.path.join(tree, "etc/shadow"), kernel.epoch // _DAY)
    _mark_updated(tree)
    _sort_stanzas(os.path.join(tree, "var/lib/apt/extended_states"))
    return kernel


def _settle_passwords(path: str, day: int) -> None:
    """Put one day as that of each password's last change: it is the day of the build otherwise."""
    lines = []
    for line in (files.read(path) or b"").decode().splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2]:
            fields[2] = str(day)
        lines.append(":".join(fields))
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")


def _mark_updated(tree: str) -> None:
    """Say that /etc and /var are not older than /usr: else a first boot renews all caches (ldconfig alone 2.6 s)."""
    latest = int(os.stat(os.path.join(tree, "usr")).st_mtime) + 1
    for directory in ("etc", "var"):
        path = os.path.join(tree, directory, ".updated")
        with open(path, "wb"):
            os.utime(path, (latest, latest))


def _sort_stanzas(path: str) -> None:
    """apt writes which packages came as dependencies in the order of a hash table."""
    stanzas = (files.read(path) or b"").strip().split(b"\n\n")
    with open(path, "wb") as stream:
        stream.write(b"".join(stanza + b"\n\n" for stanza in sorted(stanzas)))


def make_esp(tree: str, esp: str, release: Release, architecture: Architecture, kernel: Kernel) -> None:
    """Lay out the EFI system partition in directory esp: systemd-boot at the removable disk's path, one entry."""
    loader = os.path.join(tree, f"usr/lib/systemd/boot/efi/systemd-boot{architecture.efi}.efi")
    copies = {
        f"EFI/BOOT/BOOT{architecture.efi.upper()}.EFI": loader,
        f"EFI/systemd/systemd-boot{architecture.efi}.efi": loader,
        recipe.kernel_path(kernel.version).lstrip("/"): kernel.path,
        recipe.initrd_path(kernel.version).lstrip("/"): kernel.initrd,
    }
    for path, origin in copies.items():
        target = os.path.join(esp, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(origin, target)
    for path, text in recipe.loader_files(release, architecture, kernel.version).items():
        target = os.path.join(esp, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as stream:
            stream.write(text)


def digest(content: Content, *trees: str) -> str:
    """The digest of what the trees hold: types, modes, owners, contents, links, extended attributes; no times.

    File systems made of one tree differ (mke2fs copies inode change times), so their bytes say nothing.
    """
    total = hashlib.sha256(recipe.identity(content).encode())
    for tree in trees:
        for line in manifest(tree):
            total.update(line + b"\n")
    return total.hexdigest()


def manifest(tree: str) -> Iterator[bytes]:
    """One line for each object of the tree, in the order of their paths."""
    root = os.fsencode(tree)
    paths = [b"."]
    for directory, subdirectories, names in os.walk(root):
        inner = os.path.relpath(directory, root)
        paths += [os.path.normpath(os.path.join(inner, name)) for name in [*subdirectories, *names]]
    for path in sorted(paths):
        yield _line(os.path.join(root, path), path)


def _line(full: bytes, path: bytes) -> bytes:
    status = os.lstat(full)
    kind = stat.S_IFMT(status.st_mode)
    content = b"-"
    if stat.S_ISREG(kind):
        content = _hash(full)
    elif stat.S_ISLNK(kind):
        content = os.readlink(full)
    elif stat.S_ISBLK(kind) or stat.S_ISCHR(kind):
        content = str(status.st_rdev).encode()
    attributes = b",".join(
        name.encode() + b"=" + os.getxattr(full, name, follow_symlinks=False).hex().encode()
        for name in sorted(os.listxattr(full, follow_symlinks=False))
    )
    owner = f"{kind:o} {stat.S_IMODE(status.st_mode):o} {status.st_uid} {status.st_gid}".encode()
    return b" ".join([repr(path).encode(), owner, repr(content).encode(), attributes])


def _hash(path: bytes) -> bytes:
    total = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            total.update(block)
    return total.hexdigest().encode()
