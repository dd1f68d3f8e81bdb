# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of values about a domain's CPUs and memory: sets of CPUs, topology, pinning, NUMA cells, pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._errors import SpecError
from . import value
from .domain_values import NONE
from .options import kind
from .size import MIB, format_size, parse_size

TOPOLOGY = ("sockets", "dies", "cores", "threads")
EMULATOR = "emulator"
# Pages of the size that the host's kernel was started with.
DEFAULT = "default"
# As many as libvirt's bit map of a domain's CPUs has (VIR_DOMAIN_CPUMASK_LEN).
_MOST_CPU = 16383
_SET = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*", re.ASCII)


def members(cpus: str) -> frozenset[int]:
    """The CPUs of a set as it is written."""
    found: set[int] = set()
    for part in cpus.split(","):
        first, _dash, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def written(cpus: Iterable[int]) -> str:
    """A set of CPUs as libvirt writes it: in order, with ranges."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and runs[-1][1] == cpu - 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def cpu_set(stated: object, path: str) -> str:
    text = str(stated).replace(" ", "")
    cpus: frozenset[int] = frozenset()
    if not isinstance(stated, bool) and _SET.fullmatch(text) and max(map(int, re.findall("[0-9]+", text))) <= _MOST_CPU:
        cpus = members(text)
    if not cpus:
        raise SpecError(path, f"{value.shown(stated)} is no set of CPUs", "Write it as in 0-3,8.")
    return written(cpus)


@kind("dict", options={name: {"type": "int"} for name in TOPOLOGY})
def topology(stated: object, path: str) -> dict[str, int]:
    """All of it: what isn't stated is 1."""
    given = {key: entry for key, entry in value.mapping(stated, path).items() if entry is not None}
    value.unknown_keys(given, TOPOLOGY, path)
    if not given:
        return {}
    return {name: value.count(given.get(name, 1), f"{path}.{name}", least=1, most=_MOST_CPU) for name in TOPOLOGY}


@kind("dict")
def pinning(stated: object, path: str) -> dict[str, str]:
    """CPU of the guest, or EMULATOR -> CPUs of the host."""
    given = {str(key): entry for key, entry in stated.items()} if isinstance(stated, Mapping) else stated
    found = {}
    for key, entry in value.mapping(given, path).items():
        if key != EMULATOR and not (key.isascii() and key.isdigit() and int(key) <= _MOST_CPU):
            problem = f"{value.shown(key)} is no CPU of the guest"
            raise SpecError(f"{path}.{key}", problem, f"Write a number from 0, or {EMULATOR}.")
        found[key if key == EMULATOR else str(int(key))] = cpu_set(entry, f"{path}.{key}")
    return found


@kind("list", elements="dict", options={name: {"type": "str", "required": True} for name in ("cpus", "memory")})
def cells(stated: object, path: str) -> tuple[dict[str, Any], ...]:
    """NUMA cells; memory is in bytes, and whole MiB as all memory of QEMU's."""
    found: list[dict[str, Any]] = []
    for index, entry in enumerate(value.sequence(stated, path)):
        place = f"{path}[{index}]"
        given = value.mapping(entry, place)
        value.unknown_keys(given, ("cpus", "memory"), place)
        cpus = cpu_set(given.get("cpus"), f"{place}.cpus")
        for number, other in enumerate(found):
            if members(cpus) & members(other["cpus"]):
                twice = written(members(cpus) & members(other["cpus"]))
                raise SpecError(f"{place}.cpus", f"{twice} is in {path}[{number}] too", "Put each CPU into one cell.")
        size = parse_size(given.get("memory"), f"{place}.memory", least=MIB)
        found.append({"cpus": cpus, "memory": -(-size // MIB) * MIB})
    return tuple(found)


def shown_cells(held: tuple[Mapping[str, Any], ...]) -> list[dict[str, object]]:
    return [{"cpus": cell["cpus"], "memory": format_size(cell["memory"])} for cell in held]


@kind("str")
def pages(stated: object, path: str) -> object:
    """Bytes, DEFAULT or NONE."""
    if stated in (DEFAULT, NONE):
        return stated
    size = parse_size(stated, path, least=4096)
    if size & (size - 1):
        raise SpecError(path, f"{value.shown(stated)} is no size of pages", "Write one as in 2MiB or 1GiB.")
    return size


def shown_pages(held: object) -> object:
    return format_size(held) if isinstance(held, int) else held
