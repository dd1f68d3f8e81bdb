# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who this host is: its release, size, users, and what is installed."""

from __future__ import annotations

import glob
import grp
import hashlib
import json
import os
import platform
import pwd
import re
import stat
import time
from collections.abc import Iterable, Iterator
from typing import Optional

from .._model.preflight import SourceState, System
from . import files
from .process import find

_SYSTEMD = "/run/systemd/system"
_QEMU_CONF = "/etc/libvirt/qemu.conf"
_QEMU_USERS = ("libvirt-qemu", "qemu")
_VHOST_USER = ("/usr/share/qemu/vhost-user/*.json", "/etc/qemu/vhost-user/*.json")
_QEMU_BINARIES = {"x86_64": "qemu-system-x86_64", "aarch64": "qemu-system-aarch64"}
# EL and Fedora keep QEMU of the host's own architecture out of PATH.
_QEMU_KVM = "/usr/libexec/qemu-kvm"

# Programs that the modules call, and what for. libvirt's own (dnsmasq) included: it fails late without them.
_PROGRAMS = (
    ("qemu-img", "makes disks"),
    ("gpgv", "verifies images"),
    ("dnsmasq", "gives guests their addresses"),
    ("mkfs.vfat", "makes the seed"),
    ("mcopy", "writes the seed"),
    ("mke2fs", "makes file systems of images"),
    ("sfdisk", "partitions images"),
    ("ssh-keygen", "makes host keys"),
    ("ssh-keyscan", "proves host keys"),
    ("virsh", "asks libvirt"),
    ("iptables", "opens the way out for guests"),
    ("dmidecode", "tells libvirt what the host is"),
)
_BUILDERS = {"debian": (("mmdebstrap", "builds images from the package mirror"),)}
_SWTPM = ("swtpm", "swtpm_setup", "swtpm_ioctl")
_QEMU_PIN = "/etc/apt/preferences.d/burrow-backports.pref"
# QEMU's user passes it and can't list it.
_DATA_MODE = 0o711
# There where AppArmor is on; and the profile of the daemon that runs guests, with the file in which it is added to.
_PROFILES = "/sys/kernel/security/apparmor/profiles"
_PROFILE, _PROFILE_LOCAL = "/etc/apparmor.d/usr.sbin.{}", "/etc/apparmor.d/local/usr.sbin.{}"
_WITHOUT_SYSTEMD = (("tini", "reaps for libvirtd, where there is no init"),)


def system() -> System:
    release = _os_release()
    memory = _meminfo()
    likes = (release.get("ID", ""), *release.get("ID_LIKE", "").split())
    families = (("debian", "debian"), ("fedora", "redhat"), ("rhel", "redhat"), ("suse", "suse"), ("arch", "arch"))
    return System(
        id=release.get("ID", "linux"),
        version=release.get("VERSION_ID", ""),
        family=next((family for like, family in families if like in likes), release.get("ID", "linux")),
        init="systemd" if os.path.isdir(_SYSTEMD) else "other",
        architecture=platform.machine(),
        cpus=len(os.sched_getaffinity(0)),
        memory=memory.get("MemTotal", 0),
        swap=memory.get("SwapTotal", 0),
    )


def _os_release() -> dict[str, str]:
    pairs = (line.partition("=") for line in _text("/etc/os-release").splitlines())
    return {key: value.strip().strip("\"'") for key, dummy, value in pairs}


def _meminfo() -> dict[str, int]:
    pairs = (line.partition(":") for line in _text("/proc/meminfo").splitlines())
    return {key: int(value.split()[0]) * 1024 for key, dummy, value in pairs if value.split()}


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def missing_programs(host: System) -> Iterator[tuple[str, str]]:
    """What the modules need and this host lacks, each with its purpose."""
    qemu = _QEMU_BINARIES.get(host.architecture, f"qemu-system-{host.architecture}")
    if not find(qemu) and not os.access(_QEMU_KVM, os.X_OK):
        yield qemu, "runs guests"
    if not find("libvirtd") and not find("virtqemud"):
        yield "libvirtd", "manages guests"
    elif not find("libvirtd") and not find("virtnetworkd"):
        yield "virtnetworkd", "manages the network of guests, beside virtqemud"
    wanted = [*_PROGRAMS, *_BUILDERS.get(host.family, ())]
    if host.init != "systemd":
        wanted.extend(_WITHOUT_SYSTEMD)
    yield from (entry for entry in wanted if not find(entry[0]))


def has_virtiofs() -> bool:
    """Whether libvirt will find a virtiofsd: it looks for these descriptions, wherever the program is."""
    for pattern in _VHOST_USER:
        for path in glob.glob(pattern):
            try:
                document = json.loads(_text(path))
            except ValueError:
                continue
            if document.get("type") == "fs" and os.access(str(document.get("binary")), os.X_OK):
                return True
    return False


def has_tpm() -> bool:
    """Whether libvirt can emulate a TPM: it needs all three."""
    return all(find(program) for program in _SWTPM)


def qemu_user(uri: str) -> str:
    """The user that QEMU runs as under this libvirt."""
    if uri.endswith("/session"):
        return pwd.getpwuid(os.geteuid()).pw_name
    stated = re.search(r'^\s*user\s*=\s*"\+?([^"]+)"', _text(_QEMU_CONF), re.MULTILINE)
    for name in (stated.group(1),) if stated else _QEMU_USERS:
        user = _user(name)
        if user is not None:
            return user.pw_name
    return _QEMU_USERS[0]


def _user(name: str) -> Optional[pwd.struct_passwd]:
    try:
        return pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        return None


def impassable(path: str, user: str) -> tuple[str, ...]:
    """The directories on the way to path that the user can't pass; those that don't exist yet can be."""
    account = _user(user)
    if account is None or account.pw_uid == 0:
        return ()
    groups = {account.pw_gid, *(group.gr_gid for group in grp.getgrall() if user in group.gr_mem)}
    return tuple(place for place in _ancestors(path) if not _passes(place, account.pw_uid, groups))


def _ancestors(path: str) -> list[str]:
    """Each directory from the root to path, after links."""
    place, found = os.path.realpath(path), []
    while True:
        found.append(place)
        if place == "/":
            return found[::-1]
        place = os.path.dirname(place)


def _passes(path: str, uid: int, groups: set[int]) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return True
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid in groups:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH) or _in_acl(path)


def _in_acl(path: str) -> bool:
    """An ACL may let the user pass where the mode doesn't; whether it does, libvirt finds out."""
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except OSError:
        return False


def sources(paths: Iterable[str]) -> dict[str, SourceState]:
    """What each share's source is on this host."""
    return {path: _source(path) for path in paths}


def _source(path: str) -> SourceState:
    real = os.path.realpath(path)
    if not os.path.exists(real):
        return SourceState(real, "does not exist on the hypervisor")
    return SourceState(real, "" if os.path.isdir(real) else "is not a directory")


def hook_problem(path: str, checksum: str, daemon: str = "libvirtd") -> str:
    """Why the libvirt hook isn't the one wanted, or "".

    checksum is the SHA-256 of all but its first line, "" when any will do. That line names the interpreter, and role
    hypervisor adds it. daemon is the one that calls the hook.
    """
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except OSError:
        return "the libvirt hook is missing"
    if not os.access(path, os.X_OK):
        return "the libvirt hook is not executable"
    if checksum and hashlib.sha256(content.partition(b"\n")[2]).hexdigest() != checksum:
        return "the libvirt hook is another version's"
    if os.path.exists(_PROFILES) and os.path.exists(_PROFILE.format(daemon)) and not _allows_shares(daemon):
        return "AppArmor does not let the libvirt hook bind shared directories"
    return ""


def _allows_shares(daemon: str) -> bool:
    """The daemon's profile, libvirt's or a distribution's, holds for its hooks, too, and lets them mount nothing."""
    return b"mount -> /run/burrow/shares/" in (files.read(_PROFILE_LOCAL.format(daemon)) or b"")


def qemu_backports() -> bool:
    """Whether apt has the files of ours by which QEMU comes from backports; module qemu_source writes them."""
    return os.path.exists(_QEMU_PIN)


def data_problem(path: str) -> str:
    """Why the directory of images and guests isn't as role hypervisor makes it, or ""."""
    try:
        status = os.stat(path)
    except OSError:
        return f"{path} does not exist"
    if not stat.S_ISDIR(status.st_mode):
        return f"{path} is not a directory"
    return "" if stat.S_IMODE(status.st_mode) == _DATA_MODE else f"{path} has not mode {_DATA_MODE:04o}"


def clock() -> float:
    """This host's time, in seconds of the epoch."""
    return time.time()


def number(path: str, default: int) -> int:
    """A number that the kernel shows in a file."""
    text = _text(path).strip()
    return int(text) if text.isdigit() else default
