# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""AppArmor's denials as the kernel and auditd write them down, and what allows the path."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|(\S+))')
# The kernel writes a name with blanks, quotes or control characters as bare hexadecimal digits.
_HEXADECIMAL = re.compile(r"(?:[0-9A-F]{2})+")
_HELPER = "virt-aa-helper"
_PROFILES = ("libvirt-", "libvirtd", "virtqemud", _HELPER, "virtiofsd")
# As virt-aa-helper writes it for what lies below a disk; AppArmor lets no rule overrule it.
_DENY = re.compile(r'\s*deny "(.+)" w,\s*')
_WRITING = frozenset("wacdl")
_PROFILES_OF_HOST = "/etc/apparmor.d"
_LOCAL = f"{_PROFILES_OF_HOST}/local"
_HELPER_FILE = "usr.lib.libvirt.virt-aa-helper"


@dataclass(frozen=True)
class Denial:
    """One refusal. mask is AppArmor's letters for what was asked ("r", "rw"), "" for a mount; command the program."""

    profile: str
    path: str
    mask: str
    command: str

    @property
    def reason(self) -> str:
        verb = "write" if _WRITING & set(self.mask) else "read" if self.mask else "mount or unmount"
        return f"AppArmor does not let {self.command or self.profile} {verb} {self.path} (profile {self.profile})"

    @property
    def remedy(self) -> str:
        if not self.mask:
            return "Let libvirt's hook bind directories: apply role burrow.vm.hypervisor (playbook burrow.vm.prepare)."
        directory = os.path.dirname(self.path)
        if _HELPER in self.profile:
            # It reads a disk to find the chain behind it, and knows where images lie by suffix and place.
            rule, place = f'"{directory}/**" r,', f"{_LOCAL}/{_HELPER_FILE}"
            then = f"run apparmor_parser -r {_PROFILES_OF_HOST}/{_HELPER_FILE}, and start the guest again."
        else:
            rights = "rwk" if _WRITING & set(self.mask) else "rk"
            rule, place = f'"{directory}/**" {rights},', f"{_LOCAL}/abstractions/libvirt-qemu"
            # libvirt loads a guest's own profile anew with each start.
            then = "and start the guest again."
        return (
            "Keep it below /var/lib/burrow or another place that libvirt knows, or allow it: "
            f"add the line {rule} to {place}, {then}"
        )


def denials(lines: Iterable[str], guest: str = "") -> tuple[Denial, ...]:
    """What AppArmor refused libvirt and its guests, each once. guest is a domain's UUID: others' are left out."""
    return tuple(dict.fromkeys(_denials(lines, guest)))


def _denials(lines: Iterable[str], guest: str) -> Iterator[Denial]:
    for line in lines:
        if 'apparmor="DENIED"' not in line:
            continue
        fields = {name: (quoted, bare) for name, quoted, bare in _FIELD.findall(line)}
        profile, path = _text(fields, "profile"), _text(fields, "name")
        if not path.startswith("/") or not any(part in profile for part in _PROFILES):
            continue
        # libvirt's profiles of guests are called libvirt-UUID, and what runs in them libvirt-UUID//name.
        if guest and "libvirt-" in profile and guest not in profile:
            continue
        mask = _text(fields, "denied_mask") or _text(fields, "requested_mask")
        yield Denial(_shown(profile), _shown(path), _shown(mask), _shown(_text(fields, "comm")))


def unwritable(rules: Iterable[str]) -> frozenset[str]:
    """Paths that the rules of a guest's profile forbid to write."""
    return frozenset(match[1] for match in map(_DENY.fullmatch, rules) if match)


def _text(fields: dict[str, tuple[str, str]], name: str) -> str:
    quoted, bare = fields.get(name, ("", ""))
    if not bare or not _HEXADECIMAL.fullmatch(bare):
        return quoted or bare
    return bytes.fromhex(bare).decode("utf-8", "replace")


def _shown(text: str) -> str:
    """Without what a name could do to a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
