# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwards as people write them in variables: "8080:80", or mappings."""

from __future__ import annotations

import re

from .._errors import SpecError
from . import forward
from .forward import LOOPBACK, Forward, parse_address, parse_port
from .value import sequence, shown

_SHORT = re.compile(r"(?:(?P<address>\[[^\[\]]*\]|[^:]*):)?(?P<host_port>[^:]*):(?P<guest_port>[^:]*)")


def parse_forwards(value: object, path: str = "forwards") -> tuple[Forward, ...]:
    entries = [_long(entry, f"{path}[{index}]") for index, entry in enumerate(sequence(value, path))]
    return forward.parse_forwards(entries, path)


def _long(value: object, path: str) -> object:
    if isinstance(value, str):
        return _from_text(value, path)
    # YAML 1.1 reads an unquoted 22:22 as a number of base 60.
    if isinstance(value, int) and not isinstance(value, bool):
        raise SpecError(path, f"{value} is a number", 'YAML reads 22:22 as one. Write it in quotes, as in "8022:22".')
    return value


def _from_text(value: str, path: str) -> Forward:
    match = _SHORT.fullmatch(value.strip())
    if match is None:
        raise SpecError(path, f"{shown(value)} is not a forward", 'Write "8080:80" or "127.0.0.1:8080:80".')
    address = match["address"]
    return Forward(
        parse_port(match["host_port"], path),
        parse_port(match["guest_port"], path),
        LOOPBACK if address is None else parse_address(address.strip("[]"), path),
    )
