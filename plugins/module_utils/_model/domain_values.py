# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of values that a domain's options take."""

from __future__ import annotations

from typing import Optional

from .._errors import SpecError
from . import value
from .forward import FORWARD_ID
from .names import parse_mac
from .notes import NOTES
from .options import kind
from .share_rules import refused_directory
from .size import MIB, parse_size

# What takes a device away that a domain has one of.
NONE = "none"
AUTO = "auto"
BUILTIN = "builtin"
IOMMUS = ("intel",)

_MOST_CPUS = 4096
_LEAST_MEMORY = 256 * MIB
# Each takes a bus number and a window of I/O ports, of which a machine has few; firmware looks behind each.
_MOST_ROOT_PORTS = 64
# Lower context identifiers of vsock mean the hypervisor and the host, the highest one means any.
_LEAST_CID, _MOST_CID = 3, 2**32 - 2

word = kind("str")(
    value.matching(
        r"[A-Za-z0-9][A-Za-z0-9._:-]{0,62}", "is not a name", "Use letters, digits, dots, hyphens, underscores."
    )
)
timezone = kind("str")(
    value.matching(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", "is no time zone", "Write one as in Europe/Berlin.")
)


@kind("int", read=int)
def cpus(stated: object, path: str) -> int:
    return value.count(stated, path, least=1, most=_MOST_CPUS)


@kind("str")
def memory(stated: object, path: str) -> int:
    """Bytes; QEMU takes whole MiB, and libvirt rounds up to them."""
    return -(-parse_size(stated, path, least=_LEAST_MEMORY) // MIB) * MIB


@kind("int", read=int)
def root_ports(stated: object, path: str) -> int:
    return value.count(stated, path, least=1, most=_MOST_ROOT_PORTS)


@kind("str")
def cid(stated: object, path: str) -> object:
    """A vsock's context identifier: a number, AUTO (libvirt takes a free one at each start), or NONE."""
    if stated in (AUTO, NONE):
        return stated
    try:
        return value.count(stated, path, least=_LEAST_CID, most=_MOST_CID)
    except SpecError as error:
        hint = f"Write {AUTO}, {NONE}, or a number from {_LEAST_CID} to {_MOST_CID}."
        raise SpecError(path, error.problem, hint) from None


def unless_none(_observed: object, stated: object) -> object:
    """The merge of an option whose NONE takes away what is there."""
    return None if stated == NONE else stated


def unless_empty(_observed: object, stated: object) -> object:
    """The merge of what reads as nothing when it is false or empty."""
    return stated or None


def with_others(observed: Optional[tuple[str, ...]], stated: tuple[str, ...]) -> Optional[tuple[str, ...]]:
    return tuple(sorted({*(observed or ()), *stated})) or None


@kind("list", elements="str")
def words(stated: object, path: str) -> tuple[str, ...]:
    entries = enumerate(value.sequence(stated, path))
    return tuple(sorted({word(entry, f"{path}[{index}]") for index, entry in entries}))


@kind("path")
def file(stated: object, path: str) -> str:
    """A path, or what check mode shows for one that isn't known yet."""
    return value.UNKNOWN if stated == value.UNKNOWN else value.absolute_path(stated, path)


@kind("str")
def line(stated: object, path: str) -> str:
    return value.text(stated, path, most=4096)


@kind("str")
def title(stated: object, path: str) -> str:
    return value.text(stated, path, most=256)


@kind("str")
def prose(stated: object, path: str) -> str:
    """Text of several lines; white space around it means nothing."""
    if not isinstance(stated, str) or not stated.strip():
        raise SpecError(path, "it is no text, or empty", "Write a few words.")
    lines = stated.strip().split("\n")
    return "\n".join(value.text(entry, path, most=4096) if entry.strip() else "" for entry in lines)


@kind("str")
def rng(stated: object, path: str) -> str:
    """A file that gives random bytes, BUILTIN or NONE."""
    return str(stated) if stated in (BUILTIN, NONE) else value.absolute_path(stated, path)


@kind("list", elements="str")
def qemu_arguments(stated: object, path: str) -> tuple[str, ...]:
    """Arguments for QEMU, in their order."""
    found = []
    for index, entry in enumerate(value.sequence(stated, path)):
        argument = line(entry, f"{path}[{index}]")
        if FORWARD_ID in argument:
            raise SpecError(f"{path}[{index}]", f"{FORWARD_ID} is the forwards' own", "Choose another id.")
        found.append(argument)
    return tuple(found)


@kind("str")
def mac(stated: object, path: str) -> str:
    return parse_mac(stated, path)


@kind("path")
def shared_directory(stated: object, path: str) -> str:
    source = value.absolute_path(stated, path)
    if refused_directory(source):
        raise SpecError(path, f"{value.shown(stated)} is a system directory", "Share another directory.")
    return source


@kind("dict", options={**{key: {"type": "str"} for key in NOTES}, "digests": {"type": "dict"}})
def metadata(stated: object, path: str) -> dict[str, str]:
    """Flat: {"image": ..., "digests.image": ...}."""
    given = value.mapping(stated, path)
    value.unknown_keys(given, (*NOTES, "digests"), path)
    found = {key: line(entry, f"{path}.{key}") for key, entry in given.items() if key in NOTES and entry is not None}
    digests = value.mapping(given.get("digests") or {}, f"{path}.digests")
    for key, entry in digests.items():
        if entry is not None:
            found[f"digests.{word(key, f'{path}.digests')}"] = line(entry, f"{path}.digests.{key}")
    return found


def machine(observed: Optional[str], stated: str) -> str:
    """libvirt writes the version of an alias: `q35` stays what it became (`pc-q35-7.2`)."""
    prefixes = {"q35": "pc-q35-", "pc": "pc-i440fx-", "virt": "virt-"}
    kept = observed is not None and stated in prefixes and observed.startswith(prefixes[stated])
    return observed if observed is not None and kept else stated
