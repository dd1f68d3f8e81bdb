# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads over HTTP; proxies come from the environment, as urllib takes them."""

from __future__ import annotations

import http.client
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from .._errors import HostError
from . import files

# For connecting and for each read, in seconds: a transfer may last, but not stand still.
_STALL = 30.0
_BLOCK = 1 << 20
_AGENT = "burrow.vm"
UNREACHABLE = "unreachable"
# Ansible's own open_url is for `_run`'s layer; the default handlers do proxies, redirects and verified TLS as well.
_OPENER = urllib.request.build_opener()


def fetch(url: str, name: str, limit: int = 1 << 20) -> bytes:
    """A small document, or an error when it is longer than limit bytes."""
    with _opened(url, name) as response:
        data: bytes = response.read(limit + 1)
    if len(data) > limit:
        raise HostError("download it", name, f"{_host(url)} sent more than {limit} bytes", code="too_long")
    return data


def download(url: str, target: str, name: str) -> None:
    """Write what url holds to target. An address that can't be reached is an error of code UNREACHABLE."""
    with _opened(url, name) as response, open(target, "wb") as stream:
        expected = int(response.headers.get("Content-Length") or 0)
        need_room(os.path.dirname(target), expected, name)
        received = 0
        while True:
            block = response.read(_BLOCK)
            if not block:
                break
            stream.write(block)
            received += len(block)
        stream.flush()
        os.fsync(stream.fileno())
    if expected and received != expected:
        raise HostError("download it", name, f"{_host(url)} sent {received} of {expected} bytes", code="truncated")


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


def _mib(size: int) -> int:
    return -(-size // (1 << 20))


@contextmanager
def _opened(url: str, name: str) -> Iterator[Any]:
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT})  # noqa: S310 - the model allows http(s) only
    try:
        with _OPENER.open(request, timeout=_STALL) as response:
            yield response
    except urllib.error.HTTPError as error:
        raise _unreachable(url, name, f"{error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _unreachable(url, name, str(error.reason), _hint(error.reason)) from error
    except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise _unreachable(url, name, str(error) or type(error).__name__) from error
    except OSError as error:
        code = "no_space" if error.errno == 28 else "host"
        raise HostError("download it", name, str(error.strerror or error), code=code) from error


def _unreachable(url: str, name: str, cause: str, hint: str = "") -> HostError:
    return HostError("download it", name, f"{_host(url)}: {cause}", hint or _NETWORK, UNREACHABLE)


_NETWORK = "Check the address and this host's network and proxy."
_NAMES = "Check the address, and this host's name servers (/etc/resolv.conf, resolvectl status)."
_CLOCK = "Check this host's clock (timedatectl set-ntp true): the server's certificate isn't valid at its time."
# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
_WRONG_TIME = (9, 10)


def _hint(reason: object) -> str:
    """What helps, where the kind of the error tells."""
    if isinstance(reason, socket.gaierror):
        return _NAMES
    return _CLOCK if getattr(reason, "verify_code", 0) in _WRONG_TIME else ""


def _host(url: str) -> str:
    return urlsplit(url).hostname or url
