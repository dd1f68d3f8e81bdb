# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module `image` is asked for, and what the store says of an image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Optional
from urllib.parse import urlsplit, urlunsplit

from .._errors import SpecError
from .image_format import FORMATS
from .names import parse_name
from .paths import DATA, Store
from .release import (
    CLOUD,
    KERNELS,
    RELEASES,
    Architecture,
    Content,
    Release,
    find_release,
    parse_architecture,
)
from .value import absolute_path, nearest, shown

PUBLISHED, URL, FILE, BUILD, STORED = "published", "url", "file", "build", "stored"
# Hexadecimal digits of each algorithm; weaker ones prove nothing.
_ALGORITHMS = {"sha256": 64, "sha512": 128}
# Debian's rule for package names; apt takes a name that ends in a hyphen for one to remove.
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+]", re.ASCII)
DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CHECKSUM = re.compile(r"(?P<algorithm>[a-z0-9]+):(?P<value>[0-9A-Fa-f]+)", re.ASCII)


@dataclass(frozen=True)
class Checksum:
    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


@dataclass(frozen=True)
class Request:
    """One image as stated. verified: what the store has is read again, and nothing else is asked.

    source is one of PUBLISHED (a release's own image, else a build), URL, FILE, BUILD, STORED (what the store has).
    release is the one that was stated, or that the name stands for. packages and kernel are None unless stated.
    """

    name: str
    present: bool
    source: str
    architecture: Architecture
    store: Store
    release: Optional[Release] = None
    url: str = ""
    path: str = ""
    checksum: Optional[Checksum] = None
    format: Optional[str] = None
    release_stated: bool = False
    packages: Optional[tuple[str, ...]] = None
    kernel: Optional[str] = None
    verified: bool = False

    @property
    def content(self) -> Content:
        """What a build is given."""
        return Content(self.packages or (), self.kernel or CLOUD)

    @property
    def known_release(self) -> Release:
        """The release, for what needs one; parse has refused such a request without."""
        if self.release is None:
            raise SpecError("name", f"{shown(self.name)} is no release that is known here")
        return self.release


@dataclass(frozen=True)
class Record:
    """What the store keeps beside an image.

    files are the SHA-256 of each as it is stored; earlier versions noted none.
    cmdline is for direct boot, where there is a kernel. packages and flavour (the kernel's) are a build's; earlier
    versions, which noted neither, had no choice of them.
    """

    digest: str
    format: str
    virtual_size: int
    size: int
    architecture: str
    source: str
    origin: str
    checksums: Mapping[str, str] = field(default_factory=dict)
    release: Optional[str] = None
    user: Optional[str] = None
    cmdline: Optional[str] = None
    packages: tuple[str, ...] = ()
    flavour: Optional[str] = None
    files: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        return asdict(self)

    def agrees(self, request: Request) -> bool:
        """Whether this is the image that was asked for, in all that was stated. A built one has no checksum."""
        checksum = request.checksum
        if checksum is not None and self.checksums.get(checksum.algorithm) != checksum.value:
            return False
        if request.release_stated and self.release != request.known_release.name:
            return False
        if request.packages is None and request.kernel is None:
            return True
        flavour = self.flavour or CLOUD
        return self.source == BUILD and request.packages in (None, self.packages) and request.kernel in (None, flavour)


def read_record(document: object) -> Optional[Record]:
    """The record, or None when it is none of ours (half-written, of another version)."""
    if not isinstance(document, Mapping):
        return None
    try:
        record = Record(**{**document, "packages": tuple(document.get("packages") or ())})
    except TypeError:
        return None
    # The digest becomes a path.
    known = isinstance(record.digest, str) and DIGEST.fullmatch(record.digest) is not None
    tables = all(isinstance(table, Mapping) for table in (record.checksums, record.files))
    return record if known and isinstance(record.size, int) and tables else None


def parse(params: Mapping[str, object], machine: str) -> Request:
    """The request in a module's parameters. machine is the host's own architecture, as uname names it."""
    name = parse_name(params["name"])
    store = Store(absolute_path(params.get("data") or DATA, "data"))
    architecture = parse_architecture(str(params.get("architecture") or machine))
    if params.get("state") == "absent":
        return Request(name, False, "", architecture, store)
    if params.get("state") == "verified":
        return Request(name, True, STORED, architecture, store, verified=True)
    request = Request(
        name,
        True,
        str(params.get("source") or "auto"),
        architecture,
        store,
        _parse_release(params.get("release")) or find_release(name),
        _parse_url(params.get("url")),
        _parse_path(params.get("path")),
        _parse_checksum(params.get("checksum")),
        _parse_format(params.get("format")),
        params.get("release") is not None,
        _parse_packages(params.get("packages")),
        _parse_kernel(params.get("kernel")),
    )
    request = replace(request, source=_source(request))
    _check(request, machine)
    return request


def _source(request: Request) -> str:
    stated, chosen = request.source, request.packages is not None or request.kernel is not None
    if request.url and request.path:
        raise SpecError("path", "both `url` and `path` are stated", "State where the image is once.")
    if stated == "auto":
        own = BUILD if chosen else PUBLISHED if request.release else STORED
        stated = URL if request.url else FILE if request.path else own
    needed = {URL: ("url", request.url), FILE: ("path", request.path)}.get(stated)
    if needed and not needed[1]:
        raise SpecError(needed[0], f"it is missing, and source is {stated}", f"State `{needed[0]}`.")
    if stated == BUILD and request.release is None:
        raise unknown_name(request.name)
    return stated


def unknown_name(name: str) -> SpecError:
    """The error of a name that stands for no release, when nothing else says where its image comes from."""
    near = nearest(name, RELEASES)
    suggestion = f"Did you mean `{near}`? Else state" if near else "State"
    known = ", ".join(sorted(RELEASES))
    hint = f"{suggestion} `release`, `url` or `path`; the names known without are {known}."
    return SpecError("name", f"{shown(name)} is no image of the store and no release that is known here", hint)


def _check(request: Request, machine: str) -> None:
    if request.source == URL and request.checksum is None:
        raise SpecError("checksum", "it is missing", "State the checksum that the image's publisher gives for it.")
    if request.source == BUILD and request.architecture.machine != machine:
        hint = f"Build it on a host of that architecture; this one is {machine}."
        raise SpecError("architecture", f"an image for {request.architecture.machine} can't be built here", hint)
    if request.source == BUILD and request.checksum is not None:
        raise SpecError("checksum", "a built image has none to compare", "Leave it out.")
    if request.source in (URL, FILE):
        stated = {"release": request.release_stated, "packages": request.packages, "kernel": request.kernel}
        for option, value in stated.items():
            if value not in (False, None):
                where = "url" if request.source == URL else "path"
                hint = f"It chooses what is built: leave it out, or leave out `{where}`."
                raise SpecError(option, f"an image from `{where}` is taken as it is", hint)


def _parse_release(value: object) -> Optional[Release]:
    if value is None:
        return None
    release = find_release(str(value))
    if release is None:
        near = nearest(str(value), RELEASES)
        hint = f"Did you mean `{near}`? " if near else ""
        raise SpecError("release", f"{shown(value)} is not known", f"{hint}Known are {', '.join(sorted(RELEASES))}.")
    return release


def _parse_packages(value: object) -> Optional[tuple[str, ...]]:
    """The names in one order: another order asks for the same image."""
    if value is None:
        return None
    names = value if isinstance(value, (list, tuple)) else [value]
    for index, name in enumerate(names):
        if not isinstance(name, str) or not _PACKAGE.fullmatch(name):
            hint = "Use lower-case letters, digits, dots, plus signs and hyphens, and no version."
            raise SpecError(f"packages[{index}]", f"{shown(name)} is not the name of a package", hint)
        if name.startswith("linux-image-"):
            hint = f"Choose one by `kernel`: {', '.join(KERNELS)}."
            raise SpecError(f"packages[{index}]", f"{name} would be a second kernel", hint)
    return tuple(sorted(set(names)))


def _parse_kernel(value: object) -> Optional[str]:
    if value is not None and value not in KERNELS:
        raise SpecError("kernel", f"{shown(value)} is not known", f"Write one of: {', '.join(KERNELS)}.")
    return None if value is None else str(value)


def _parse_url(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable() and " " not in text
    except ValueError:
        valid = False
    if not valid:
        raise SpecError("url", "it is not an address of http or https", "Write it as https://host/path.")
    if "@" in parts.netloc:
        # It would show in the invocation, in logs and in the record; so it isn't shown here, either.
        raise SpecError("url", "it holds a login", "Fetch the image by other means, and state `path`.")
    return text


def public_url(url: str) -> str:
    """The address without its query, in which some servers carry tokens."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def _parse_path(value: object) -> str:
    return "" if value is None else absolute_path(value, "path")


def _parse_checksum(value: object) -> Optional[Checksum]:
    if value is None:
        return None
    match = _CHECKSUM.fullmatch(str(value).strip())
    if match is None or _ALGORITHMS.get(match["algorithm"]) != len(match["value"]):
        hint = "Write sha256: and 64 hexadecimal digits, or sha512: and 128."
        raise SpecError("checksum", f"{shown(value)} is not a checksum", hint)
    return Checksum(match["algorithm"], match["value"].lower())


def _parse_format(value: object) -> Optional[str]:
    if value is not None and value not in FORMATS:
        raise SpecError("format", f"{shown(value)} is not known", f"Write one of: {', '.join(FORMATS)}.")
    return None if value is None else str(value)


def listed_checksum(text: str, file_name: str, algorithm: str) -> Optional[Checksum]:
    """The checksum of a file in a list such as SHA512SUMS (coreutils' format, a binary mark allowed)."""
    for line in text.splitlines():
        value, _space, name = line.partition(" ")
        if name.strip().lstrip("*") == file_name and len(value) == _ALGORITHMS[algorithm]:
            return Checksum(algorithm, value.lower())
    return None
