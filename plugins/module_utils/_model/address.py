# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of files on web servers."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urlsplit, urlunsplit

from .._errors import SpecError


def parse_url(value: object, path: str = "url") -> str:
    """An address without a login; empty when nothing is stated."""
    if value is None:
        return ""
    text = str(value)
    try:
        parts = urlsplit(text)
        # A port that is none raises only when it is asked for.
        server = bool(parts.hostname) and parts.port != 0
        valid = server and parts.scheme in ("http", "https") and text.isprintable() and " " not in text
    except ValueError:
        valid = False
    if not valid:
        raise SpecError(path, "it is not an address of http or https", "Write it as https://host/path.")
    if "@" in parts.netloc:
        # It would show in the invocation, in logs and in the record; so it isn't shown here, either.
        ours = path == "url"
        hint = (
            "State it by `url_username` and `url_password`, which are never shown." if ours else "Leave the login out."
        )
        raise SpecError(path, "it holds a login", hint)
    return text


def public_url(url: str) -> str:
    """The address without its query, in which some servers carry tokens."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def file_name(url: str) -> str:
    """The name that a list of checksums has for what is at the address."""
    return unquote(posixpath.basename(urlsplit(url).path))
