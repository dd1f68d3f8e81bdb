# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks HTTP servers; proxies come from the environment, as urllib takes them, and trust from the system's store."""

from __future__ import annotations

import http.client
import signal
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, Optional
from urllib.parse import urljoin, urlsplit

from .._errors import HostError
from .._model.transfer import Login
from . import files

# For connecting and for each read, in seconds: a transfer may last, but not stand still.
STALL = 30.0
_TEXT_DEADLINE = 60.0
_AGENT = "burrow.vm"
_REDIRECTS = 10
_MOVED = (301, 302, 303, 307, 308)
_LONGEST_WAIT = 30.0
# The file is shorter than it was, or than the server said.
NO_SUCH_RANGE = 416
UNREACHABLE, TRUNCATED = "unreachable", "truncated"


class TransferError(HostError):
    """A server did not give what was asked for.

    again: it may, when asked once more, after wait seconds. status is HTTP's, or 0 where there is none.
    """

    def __init__(self, name: str, cause: str, hint: str = "", code: str = UNREACHABLE, *, again: bool = False) -> None:
        super().__init__("download it", name, cause, hint, code)
        self.again = again
        self.wait = 0.0
        self.status = 0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves redirects to us: urllib's own reads their bodies without bound, and goes from https to http."""

    def http_error_302(self, *_arguments: object) -> None:
        return None

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302  # type: ignore[assignment]


def fetch(url: str, name: str, limit: int = 1 << 20) -> bytes:
    """A small document, or an error when it is longer than limit bytes."""
    late = TransferError(name, f"{host(url)} did not send all of it in {_TEXT_DEADLINE:.0f} s", _BUSY)
    with deadline(_TEXT_DEADLINE, late), opened(url, name) as response:
        data: bytes = response.read(limit + 1)
    if len(data) > limit:
        raise HostError("download it", name, f"{host(url)} sent more than {limit} bytes", code="too_long")
    return data


def need_room(directory: str, size: int, name: str) -> None:
    """Refuse what would not fit, before it fills the file system. size is in bytes."""
    free = files.free_bytes(directory)
    if size > free:
        raise HostError(
            "store it",
            name,
            f"it needs {_mib(size)} MiB below {directory}, and {_mib(free)} MiB are free",
            "Make room there, or state another `data`.",
            "no_space",
        )


@contextmanager
def deadline(seconds: float, late: HostError) -> Iterator[None]:
    """End what is inside after that time, however it waits: a socket's own timeout begins anew with each byte."""

    def end(_number: int, _frame: object) -> NoReturn:
        raise late

    earlier = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


@contextmanager
def opened(
    url: str, name: str, login: Optional[Login] = None, headers: Optional[Mapping[str, str]] = None
) -> Iterator[Any]:
    """The answer to GET, behind its redirects. Errors of the connection, also of reading inside, are TransferError."""
    begun = False
    try:
        with _follow(url, name, login, {"User-Agent": _AGENT, "Accept-Encoding": "identity", **(headers or {})}) as it:
            begun = True
            encoding = it.headers.get("Content-Encoding", "identity").lower()
            if encoding != "identity":
                cause = f"{host(url)} sends it in Content-Encoding {encoding[:20]!r}, which it was asked not to"
                raise TransferError(name, cause, "Switch that off at the server, or state another address.", "encoding")
            yield it
    except urllib.error.HTTPError as error:
        with error:
            raise _status(url, name, error) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _broken(url, name, error, begun) from error


def _follow(url: str, name: str, login: Optional[Login], headers: Mapping[str, str]) -> Any:
    opener = urllib.request.build_opener(_NoRedirect)
    here = url
    for _hop in range(_REDIRECTS + 1):
        # The model and the lines below allow http and https only.
        request = urllib.request.Request(here, headers=dict(headers))  # noqa: S310
        authorization = login.header(here) if login else None
        if authorization:
            request.add_unredirected_header("Authorization", authorization)
        try:
            return opener.open(request, timeout=STALL)
        except urllib.error.HTTPError as error:
            if error.code not in _MOVED:
                raise
            error.close()
            target = urljoin(here, error.headers.get("Location") or "")
        schemes = (urlsplit(here).scheme, urlsplit(target).scheme)
        if schemes[1] not in ("http", "https") or schemes == ("https", "http"):
            cause = f"{host(here)} redirects from {schemes[0]} to {schemes[1]!r}"
            raise TransferError(name, cause, "That is never followed: state an address that ends in https.")
        here = target
    raise TransferError(
        name, f"{host(url)} redirects more than {_REDIRECTS} times", "State the address that it ends at."
    )


_NETWORK = "Check the address and this host's network and proxy."
_NAMES = "Check the address, and this host's name servers (/etc/resolv.conf, resolvectl status)."
_BUSY = "Run again later, or state `mirrors`."
_LOGIN = "State the right `url_username` and `url_password`, or an address that needs none."
_PROXY = "Put the proxy's login into its address in the environment, as in https_proxy."
_GONE = "Correct the address: nothing is there, or not any more."
# Status -> what helps. Those above 500 are like 500.
_STATUSES = {
    401: _LOGIN,
    403: _LOGIN,
    404: _GONE,
    410: _GONE,
    407: _PROXY,
    NO_SUCH_RANGE: _BUSY,
    429: _BUSY,
    500: _BUSY,
}
_AGAIN = (408, NO_SUCH_RANGE, 425, 429, 500, 502, 503, 504)


def _status(url: str, name: str, error: urllib.error.HTTPError) -> TransferError:
    cause = f"{host(error.url or url)}: {error.code} {str(error.reason)[:100]}"
    code = TRUNCATED if error.code == NO_SUCH_RANGE else UNREACHABLE
    failed = TransferError(name, cause, _STATUSES.get(min(error.code, 500), _NETWORK), code, again=error.code in _AGAIN)
    failed.status = error.code
    wait = error.headers.get("Retry-After") or ""
    failed.wait = min(float(wait), _LONGEST_WAIT) if wait.isascii() and wait.isdigit() else 0.0
    return failed


def _broken(url: str, name: str, error: Exception, begun: bool) -> TransferError:
    """begun: the answer had begun; what ends then may go better the next time, and what never came won't soon."""
    reason = getattr(error, "reason", error)
    server = host(url)
    if isinstance(reason, socket.timeout):
        cause = f"{server}: nothing came for {STALL:.0f} s"
        return TransferError(name, cause, _BUSY if begun else _NETWORK, again=begun)
    if isinstance(reason, http.client.IncompleteRead):
        return TransferError(name, f"{server} ended in the midst of it", _BUSY, TRUNCATED, again=True)
    cause = str(getattr(reason, "strerror", "") or reason)[:200] or type(reason).__name__
    again = begun or isinstance(reason, ConnectionResetError)
    return TransferError(name, f"{server}: {cause}", _hint(reason), again=again)


_CLOCK = "Check this host's clock (timedatectl set-ntp true): the server's certificate isn't valid at its time."
_ISSUER = (
    "Nobody whom this host trusts vouches for the server. Where you know who does, add their certificate to the "
    "host's trust store (update-ca-certificates, update-ca-trust)."
)
_WRONG_HOST = "The certificate is another server's: correct the address."
# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED; _DEPTH_ZERO_SELF_SIGNED_CERT, _SELF_SIGNED_CERT_IN_CHAIN,
# _UNABLE_TO_GET_ISSUER_CERT_LOCALLY, _UNABLE_TO_VERIFY_LEAF_SIGNATURE; _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH.
_CERTIFICATE = {**dict.fromkeys((9, 10), _CLOCK), **dict.fromkeys((18, 19, 20, 21), _ISSUER)}
_CERTIFICATE.update(dict.fromkeys((62, 64), _WRONG_HOST))


def _hint(reason: object) -> str:
    """What helps, where the kind of the error tells."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(reason.verify_code, _NETWORK)
    return _NAMES if isinstance(reason, (socket.gaierror, UnicodeError)) else _NETWORK


def _mib(size: int) -> int:
    return -(-size // (1 << 20))


def host(url: str) -> str:
    """The server of an address, for people: what follows it may be a token."""
    return urlsplit(url).hostname or "the server"
