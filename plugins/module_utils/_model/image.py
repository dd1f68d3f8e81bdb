# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module `image` is asked for, and what the store says of an image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Optional

from .._errors import SpecError
from .address import parse_url
from .catalog import CATALOG, Entry, find_entry
from .checksum import parse_checksum
from .image_format import FORMATS
from .names import parse_name
from .paths import DATA, Store
from .release import CLOUD, KERNELS, Architecture, Content, Release, parse_architecture
from .transfer import Transfer, parse_transfer
from .value import absolute_path, choice, nearest, shown
from .verification import LEVELS, NONE, SIGNATURE, Trust, Verification, of_entry, parse_trust, read_verification

PUBLISHED, URL, FILE, BUILD, STORED = "published", "url", "file", "build", "stored"
# Debian's rule for package names; apt takes a name that ends in a hyphen for one to remove.
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+]", re.ASCII)
DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Request:
    """One image as stated. verified: what the store has is read again, and nothing else is asked.

    source is one of PUBLISHED (the catalog's image, else a build), URL, FILE, BUILD, STORED (what the store has).
    entry is the catalog's that was stated, or that the name stands for. packages and kernel are None unless stated.
    """

    name: str
    present: bool
    source: str
    architecture: Architecture
    store: Store
    entry: Optional[Entry] = None
    url: str = ""
    path: str = ""
    trust: Trust = field(default_factory=Trust)
    format: Optional[str] = None
    release_stated: bool = False
    packages: Optional[tuple[str, ...]] = None
    kernel: Optional[str] = None
    verified: bool = False
    transfer: Transfer = field(default_factory=Transfer)

    @property
    def content(self) -> Content:
        """What a build is given."""
        return Content(self.packages or (), self.kernel or (self.entry.kernel if self.entry else CLOUD))

    @property
    def known_entry(self) -> Entry:
        """The catalog's entry, for what needs one; parse has refused such a request without."""
        if self.entry is None:
            raise SpecError("name", f"{shown(self.name)} is no image that is known here")
        return self.entry

    @property
    def release(self) -> Optional[Release]:
        """What the image can be built of, if it can."""
        return self.entry.release if self.entry else None

    @property
    def known_release(self) -> Release:
        if self.release is None:
            raise SpecError("source", f"{self.known_entry.name} can't be built", "Leave out what chooses a build.")
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
    verification: Verification = field(default_factory=Verification)

    def document(self) -> dict[str, object]:
        return asdict(self)

    def agrees(self, request: Request) -> bool:
        """Whether this is the image that was asked for, in all that was stated. A built one has no checksum."""
        trust = request.trust
        checksum = trust.checksum
        if checksum is not None and self.checksums.get(checksum.algorithm) != checksum.value:
            return False
        if trust.stated is not None and not self.verification.proves(trust.stated):
            return False
        if request.release_stated and self.release != request.known_entry.name:
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
        own = {
            "packages": tuple(document.get("packages") or ()),
            "verification": read_verification(document.get("verification")),
        }
        record = Record(**{**document, **own})
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
    url = parse_url(params.get("url"))
    request = Request(
        name,
        True,
        str(params.get("source") or "auto"),
        architecture,
        store,
        _parse_release(params.get("release")) or find_entry(name),
        url,
        _parse_path(params.get("path")),
        format=_parse_format(params.get("format")),
        release_stated=params.get("release") is not None,
        packages=_parse_packages(params.get("packages")),
        kernel=_parse_kernel(params.get("kernel")),
        transfer=parse_transfer(params, url),
    )
    request = replace(request, source=_source(request))
    published = of_entry(request.entry if request.source == PUBLISHED else None, architecture)
    request = replace(request, trust=_trust(request, params, published))
    _check(request, machine)
    return request


# The options that say what proves an image. Those that tell where the proof is belong to an image of the user's own.
_PLACES = ("checksum_url", "signature_url")
_KEYS = ("key", "fingerprint")
_OWN = ("it belongs to an image of your own", "State `url` or `path` as well.")
_BUILT = ("a built image has none to compare", "Leave it out: apt verifies the packages that it is made of.")
_NOT_TAKEN = {
    PUBLISHED: (_PLACES, _OWN),
    STORED: ((*_PLACES, *_KEYS), _OWN),
    BUILD: (("checksum", *_PLACES, *_KEYS), _BUILT),
}


def _trust(request: Request, params: Mapping[str, object], published: Trust) -> Trust:
    options, (problem, hint) = _NOT_TAKEN.get(request.source, ((), _OWN))
    for option in options:
        if params.get(option) is not None:
            raise SpecError(option, problem, hint)
    if request.source not in (BUILD, STORED):
        return parse_trust(params, published)
    stated = params.get("verify")
    if request.source == BUILD and stated not in (None, SIGNATURE):
        raise SpecError("verify", "apt verifies the signatures of what an image is built of", "Leave it out.")
    checksum = params.get("checksum")
    return Trust(
        stated=None if stated is None else choice(stated, "verify", LEVELS),
        checksum=None if checksum is None else parse_checksum(checksum),
    )


def _source(request: Request) -> str:
    stated, chosen = request.source, request.packages is not None or request.kernel is not None
    if request.url and request.path:
        raise SpecError("path", "both `url` and `path` are stated", "State where the image is once.")
    if stated == "auto":
        own = BUILD if chosen else PUBLISHED if request.entry else STORED
        stated = URL if request.url else FILE if request.path else own
    needed = {URL: ("url", request.url), FILE: ("path", request.path)}.get(stated)
    if needed and not needed[1]:
        raise SpecError(needed[0], f"it is missing, and source is {stated}", f"State `{needed[0]}`.")
    if stated == BUILD and request.release is None:
        if request.entry is None:
            raise unknown_name(request.name)
        option = "source" if request.source == BUILD else "packages" if request.packages is not None else "kernel"
        built = ", ".join(sorted(name for name, entry in CATALOG.items() if entry.release))
        raise SpecError(option, f"{request.entry.name} can't be built", f"Leave it out. Built are {built}.")
    return stated


def unknown_name(name: str) -> SpecError:
    """The error of a name that is in no catalog, when nothing else says where its image comes from."""
    near = nearest(name, CATALOG)
    suggestion = f"Did you mean `{near}`? Else state" if near else "State"
    known = ", ".join(sorted(CATALOG))
    hint = f"{suggestion} `release`, `url` or `path`; the names known without are {known}."
    return SpecError("name", f"{shown(name)} is no image of the store and none of the catalog", hint)


def _check(request: Request, machine: str) -> None:
    if request.source == URL and request.trust.level == NONE and request.trust.stated is None:
        hint = "State the checksum that the image's publisher gives for it, or the `checksum_url` of a list of them."
        raise SpecError("checksum", "it is missing", hint)
    if request.source == BUILD and request.architecture.machine != machine:
        hint = f"Build it on a host of that architecture; this one is {machine}."
        raise SpecError("architecture", f"an image for {request.architecture.machine} can't be built here", hint)
    if request.source in (URL, FILE):
        stated = {"release": request.release_stated, "packages": request.packages, "kernel": request.kernel}
        for option, value in stated.items():
            if value not in (False, None):
                where = "url" if request.source == URL else "path"
                hint = f"It chooses what is built: leave it out, or leave out `{where}`."
                raise SpecError(option, f"an image from `{where}` is taken as it is", hint)


def _parse_release(value: object) -> Optional[Entry]:
    if value is None:
        return None
    entry = find_entry(str(value))
    if entry is None:
        near = nearest(str(value), CATALOG)
        hint = f"Did you mean `{near}`? " if near else ""
        raise SpecError("release", f"{shown(value)} is not known", f"{hint}Known are {', '.join(sorted(CATALOG))}.")
    return entry


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


def _parse_path(value: object) -> str:
    return "" if value is None else absolute_path(value, "path")


def _parse_format(value: object) -> Optional[str]:
    if value is not None and value not in FORMATS:
        raise SpecError("format", f"{shown(value)} is not known", f"Write one of: {', '.join(FORMATS)}.")
    return None if value is None else str(value)
