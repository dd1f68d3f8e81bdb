# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an image is fetched: from where in which order, as whom, and for how long."""

from __future__ import annotations

import posixpath
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional
from urllib.parse import urljoin, urlsplit

from .._errors import SpecError
from .address import parse_url
from .arguments import TIMEOUT
from .value import count, sequence

# Seconds.
_LONGEST = 7 * 24 * 3600
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Login:
    """A name and password for one server and no other."""

    origin: tuple[str, str, int]
    user: str
    password: str = field(repr=False)

    def header(self, url: str) -> Optional[str]:
        """What to send to url, None where it is another server's."""
        if origin(url) != self.origin:
            return None
        return "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True)
class Transfer:
    """mirrors: whole addresses, or bases, which end with a slash. timeout is in seconds, for all of it."""

    mirrors: tuple[str, ...] = ()
    login: Optional[Login] = None
    timeout: int = TIMEOUT

    def addresses(self, url: str) -> tuple[str, ...]:
        """Where to ask, in this order, for what its publisher has at url."""
        name = posixpath.basename(urlsplit(url).path)
        return (*(urljoin(mirror, name) if mirror.endswith("/") else mirror for mirror in self.mirrors), url)


def origin(url: str) -> tuple[str, str, int]:
    """The server of an address, as far as a login is meant for it."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def parse_transfer(params: Mapping[str, object], url: str) -> Transfer:
    """url is the address that was stated, or empty."""
    stated = params.get("mirrors")
    mirrors = () if stated is None else sequence(stated, "mirrors")
    timeout = params.get("timeout")
    return Transfer(
        tuple(parse_url(mirror, f"mirrors[{index}]") for index, mirror in enumerate(mirrors)),
        _parse_login(params.get("url_username"), params.get("url_password"), url),
        TIMEOUT if timeout is None else count(timeout, "timeout", least=1, most=_LONGEST),
    )


def _parse_login(user: object, password: object, url: str) -> Optional[Login]:
    if user is None and password is None:
        return None
    if user is None or password is None:
        missing, other = ("url_username", "url_password") if user is None else ("url_password", "url_username")
        raise SpecError(missing, f"it is missing, and {other} is stated", "State both or neither.")
    if not url.startswith("https://"):
        problem = "a login is sent by https only" if url else "it is the login for `url`, which isn't stated"
        raise SpecError("url_username", problem, "State `url` as https://host/path, or leave the login out.")
    if ":" in str(user):
        # It is what parts name and password in the header.
        raise SpecError("url_username", "it holds a colon", "Write the name alone.")
    return Login(origin(url), str(user), str(password))
