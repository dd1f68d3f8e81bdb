# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a libvirt is: its URIs, as far as this collection has a use for them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qs, urlsplit

from .._errors import SpecError
from . import value

# driver -> the paths that it has; any, where there are none.
_DRIVERS: Mapping[str, tuple[str, ...]] = {"qemu": ("/system", "/session"), "test": ()}
_LOCAL, _SSH = ("", "unix"), ("ssh", "libssh", "libssh2")
_TRANSPORTS = (*_LOCAL, *_SSH, "tls", "tcp")
_HINT = "Write one as in qemu:///system, qemu:///session or qemu+ssh://user@host/system."
_START = "Start libvirtd (as root), or apply role burrow.vm.hypervisor to this host (playbook burrow.vm.prepare)."
_SESSION = (
    "libvirt starts a user's own daemon when it is asked for: see that libvirtd or virtqemud is installed, and that "
    "the user can write to $XDG_RUNTIME_DIR, or else to $HOME/.cache."
)
_ELSEWHERE = "See that libvirt runs there, and serves this user."


def parse_uri(stated: object, path: str = "uri") -> str:
    """The URI, or a refusal. A password in it is shown to nobody."""
    uri = value.text(stated, path)
    try:
        parts = urlsplit(uri)
        port, password = parts.port, parts.password
    except ValueError as error:
        raise SpecError(path, f"it is not a URI: {error}", _HINT) from None
    if password is not None:
        raise SpecError(path, "it holds a password", "Leave it out; use a key, or libvirt's file auth.conf.")
    if " " in uri:
        raise SpecError(path, f"{value.shown(uri)} holds a space", "Write %20 for it.")
    driver, transport = _kind(parts)
    if driver not in _DRIVERS:
        raise SpecError(path, f"{value.shown(uri)} is not of a hypervisor that is known here", _HINT)
    if transport not in _TRANSPORTS:
        known = ", ".join(f"{driver}+{word}" for word in _TRANSPORTS if word)
        raise SpecError(path, f"{value.shown(uri)} has the unknown transport {transport!r}", f"Write one of: {known}.")
    _check_host(parts, transport, port, path)
    paths = _DRIVERS[driver]
    if (paths and parts.path not in paths) or parts.path in ("", "/"):
        known = " or ".join(f"{driver}://{word}" for word in paths or ("/default",))
        raise SpecError(path, f"{value.shown(uri)} names no libvirt: its path is {parts.path!r}", f"Write {known}.")
    return uri


def _kind(parts: SplitResult) -> tuple[str, str]:
    driver, _plus, transport = parts.scheme.partition("+")
    # libvirt takes a host without a transport for TLS.
    return driver, transport or ("tls" if parts.netloc else "")


def _check_host(parts: SplitResult, transport: str, port: object, path: str) -> None:
    shown = value.shown(parts.geturl())
    if transport in _LOCAL:
        if parts.netloc:
            hint = f"Write {parts.scheme}://{parts.path}, or qemu+ssh:// for another host."
            raise SpecError(path, f"{shown} names a host, which a Unix socket doesn't have", hint)
        for socket in parse_qs(parts.query).get("socket", ()):
            if not socket.startswith("/"):
                raise SpecError(path, f"{shown} has a socket that is no absolute path", "Write ?socket=/path.")
        return
    if not parts.hostname:
        raise SpecError(path, f"{shown} names no host", f"Write one as in {parts.scheme}://user@host{parts.path}.")
    # ssh would take them for options.
    if parts.hostname.startswith("-") or (parts.username or "").startswith("-"):
        raise SpecError(path, f"{shown} has a host or user that begins with a hyphen", "Write its real name.")
    if port == 0:
        raise SpecError(path, f"{shown} has port 0", "Write a port from 1 to 65535, or leave it out.")


def quiet(uri: str) -> str:
    """The URI with which ssh never asks at a terminal: nobody would answer, and the task would wait for ever."""
    parts = urlsplit(uri)
    if _kind(parts)[1] != "ssh" or "no_tty" in parse_qs(parts.query, keep_blank_values=True):
        return uri
    return f"{uri}{'&' if parts.query else '?'}no_tty=1"


def unreachable(uri: str) -> str:
    """What to do when it doesn't answer."""
    parts = urlsplit(uri)
    transport = _kind(parts)[1]
    if transport in _SSH:
        login = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
        return f"See that `ssh {login} true` works for this user without a question. {_ELSEWHERE}"
    if transport not in _LOCAL:
        return _ELSEWHERE
    return _SESSION if parts.path == "/session" else _START
