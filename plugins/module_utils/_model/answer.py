# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a guest may answer, and what an SSH server says first."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Optional

# RFC 4253, 4.2: 255 characters with the line's end; lines of other text may come first.
_LONGEST_BANNER = 255
_MOST_LINES = 20
BANNER_BYTES = 8192


def parse_banner(data: bytes) -> Optional[str]:
    """The SSH server's identification in what it sent first, or None. The guest is free to send anything."""
    for line in data.split(b"\n")[:_MOST_LINES]:
        text = line.rstrip(b"\r")
        if text.startswith(b"SSH-") and len(text) < _LONGEST_BANNER:
            return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in text)
    return None


def candidates(found: Mapping[str, Iterable[str]], mac: Optional[str]) -> list[str]:
    """The addresses to try of MAC -> addresses: IPv4 first, none that need a scope."""
    wanted = [address for key, addresses in found.items() if mac in (None, key) for address in addresses]
    usable = []
    for text in wanted:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if not (address.is_link_local or address.is_loopback or address.is_unspecified):
            usable.append((address.version, text))
    return list(dict.fromkeys(text for dummy, text in sorted(usable)))
