# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checksums as people state them, and as publishers list them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .._errors import SpecError
from .value import shown

# Hexadecimal digits of each algorithm, the stronger first; weaker ones prove nothing.
_DIGITS = {"sha512": 128, "sha256": 64}
_BY_DIGITS = {digits: algorithm for algorithm, digits in _DIGITS.items()}
_STATED = re.compile(r"(?P<algorithm>[a-z0-9]+):(?P<value>[0-9A-Fa-f]+)", re.ASCII)
# coreutils' format, with the mark of a binary file or without; and that of BSD, Fedora and Rocky.
_GNU = re.compile(r"(?P<value>[0-9A-Fa-f]+) [ *](?P<name>.+)", re.ASCII)
_BSD = re.compile(r"(?P<algorithm>[A-Za-z0-9]+) \((?P<name>.+)\) ?= ?(?P<value>[0-9A-Fa-f]+)", re.ASCII)


@dataclass(frozen=True)
class Checksum:
    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


def parse_checksum(value: object) -> Checksum:
    match = _STATED.fullmatch(str(value).strip())
    if match is None or _DIGITS.get(match["algorithm"]) != len(match["value"]):
        hint = "Write sha256: and 64 hexadecimal digits, or sha512: and 128."
        raise SpecError("checksum", f"{shown(value)} is not a checksum", hint)
    return Checksum(match["algorithm"], match["value"].lower())


def listed_checksum(text: str, file_name: str) -> Checksum:
    """The strongest checksum that a list has of a file. Without one, or with two that claim to be it, a ValueError."""
    found = [checksum for name, checksum in _lines(text) if name == file_name]
    for algorithm in _DIGITS:
        of_it = [checksum for checksum in found if checksum.algorithm == algorithm]
        if len(of_it) > 1:
            raise ValueError(f"it has {file_name} twice")
        if of_it:
            return of_it[0]
    weak = " but as a weak checksum" if found else ""
    raise ValueError(f"it doesn't have {file_name}{weak}")


def _lines(text: str) -> Iterator[tuple[str, Checksum]]:
    for line in text.splitlines():
        bsd = _BSD.fullmatch(line.strip())
        match = bsd or _GNU.fullmatch(line.strip())
        if match is None:
            continue
        value, name = match["value"].lower(), match["name"].strip()
        algorithm = _BY_DIGITS.get(len(value), "")
        if bsd and bsd["algorithm"].lower().replace("-", "") != algorithm:
            algorithm = ""
        yield name.removeprefix("./"), Checksum(algorithm, value)
