# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of the hypervisor that a guest sees."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .._errors import SpecError
from .share_rules import LONGEST_TAG, SYSTEM, lies_in, parse_tag, refused_directory
from .value import absolute_path, boolean, mapping, sequence, shown, unknown_keys

KEYS = ("source", "target", "tag", "readonly", "allow_sensitive")
# Where a mount would take the guest's own system away from it.
_GUEST_SYSTEM = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr", "/var")


@dataclass(frozen=True)
class Share:
    """source is the directory on the hypervisor, target the one in the guest, tag the virtiofs tag.

    allow_sensitive: the user consents to share a directory that holds the host's system, keys or tokens.
    """

    source: str
    target: str
    tag: str
    readonly: bool = False
    allow_sensitive: bool = False


def parse_shares(value: object, path: str = "shares") -> tuple[Share, ...]:
    shares = tuple(_parse_share(entry, f"{path}[{index}]") for index, entry in enumerate(sequence(value, path)))
    # First what people write: equal targets have equal tags, too, when none is stated.
    _check_targets(shares, path)
    _check_tags(shares, path)
    return shares


def _parse_share(value: object, path: str) -> Share:
    entry = mapping(value, path)
    unknown_keys(entry, KEYS, path)
    if entry.get("source") is None:
        raise SpecError(f"{path}.source", "it is missing", "Name the directory on the hypervisor.")
    source = absolute_path(entry["source"], f"{path}.source")
    if refused_directory(source):
        hint = f"Share a directory that is neither / nor below {', '.join(SYSTEM)}."
        raise SpecError(f"{path}.source", f"{shown(entry['source'])} is a system directory", hint)
    stated = entry.get("target")
    target = absolute_path(f"/mnt/{posixpath.basename(source)}" if stated is None else stated, f"{path}.target")
    if target == "/" or target in _GUEST_SYSTEM or any(lies_in(target, system) for system in SYSTEM):
        raise SpecError(f"{path}.target", f"{shown(target)} is the guest's own", "Mount it elsewhere, as at /mnt/name.")
    tag = automatic_tag(target) if entry.get("tag") is None else parse_tag(entry["tag"], f"{path}.tag")
    flags = {key: boolean(entry[key], f"{path}.{key}") for key in KEYS[3:] if entry.get(key) is not None}
    return Share(source, target, tag, **flags)


def automatic_tag(target: str) -> str:
    """The tag of a share that states none: readable, and another one for each target."""
    digest = hashlib.sha256(target.encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", posixpath.basename(target), flags=re.ASCII).strip("-_")
    return "-".join(part for part in (name[: LONGEST_TAG - 9], digest) if part)


def _check_tags(shares: Sequence[Share], path: str) -> None:
    seen: dict[str, int] = {}
    for index, share in enumerate(shares):
        if share.tag in seen:
            problem = f"{shown(share.tag)} is the tag of {path}[{seen[share.tag]}] too"
            raise SpecError(f"{path}[{index}].tag", problem, "Give each share a tag of its own.")
        seen[share.tag] = index


def _check_targets(shares: Sequence[Share], path: str) -> None:
    for index, share in enumerate(shares):
        for other, earlier in enumerate(shares[:index]):
            if share.target == earlier.target:
                problem = f"{shown(share.target)} is the target of {path}[{other}] too"
            elif lies_in(share.target, earlier.target) or lies_in(earlier.target, share.target):
                problem = f"{shown(share.target)} and {path}[{other}]'s {shown(earlier.target)} lie one in the other"
            else:
                continue
            raise SpecError(f"{path}[{index}].target", problem, "Mount each share at a place of its own.")
