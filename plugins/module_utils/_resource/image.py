# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image of the store: observed, planned and made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .._apply import Resource
from .._diff import RECREATE, Change
from .._errors import HostError, SpecError
from .._gateway import http, image_care
from .._gateway.bootstrap import machine
from .._gateway.image_maker import ImageMaker, look_at
from .._gateway.image_store import IMAGE, INITRD, KERNEL, ImageStore
from .._model.address import public_url
from .._model.image import BUILD, FILE, PUBLISHED, STORED, URL, Record, Request, parse, unknown_name
from .._model.verification import NONE, SIGNATURE, Verification
from .._plan import UNKNOWN, Action, Plan
from .image_check import ImageCheck


@dataclass(frozen=True)
class ImageState:
    """known: there is something of that name, be it half-made. users: who needs the image besides the name."""

    record: Optional[Record]
    known: bool
    users: tuple[str, ...] = ()


class ImageResource:
    """Made once and shared: what the store has is not asked for again."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._store = ImageStore(request.store)
        self.timings: dict[str, float] = {}

    @property
    def lock(self) -> Optional[str]:
        return self._request.store.lock("image", self._request.name)

    def observe(self) -> ImageState:
        request = self._request
        record = self._store.find(request.name)
        if not request.present:
            digest = self._store.digest(request.name)
            users = self._store.users(digest, but=request.name) if digest else []
            return ImageState(record, self._store.knows(request.name), tuple(users))
        if request.source == STORED and not _satisfies(record, request):
            raise unknown_name(request.name) if record is None else _other_image(record, request)
        if request.source == FILE and not _satisfies(record, request):
            look_at(request)
        return ImageState(record, self._store.knows(request.name))

    def plan(self, state: ImageState) -> Plan:
        request = self._request
        before = state.record.digest if state.record else None
        if not request.present:
            return _removal(request, state, before)
        if _satisfies(state.record, request):
            return Plan()
        after = str(request.trust.checksum or UNKNOWN)
        change = Change("digest", before, after, RECREATE)
        return Plan((Action("make", _sentence(request)),), (change,), {}, _warnings(request))

    def perform(self, action: Action) -> None:
        name = self._request.name
        if action.operation == "forget":
            self._store.forget(name)
            return
        directory = self._store.begin(name)
        try:
            maker = ImageMaker(self._request, directory, self._store.incoming(name))
            self.timings = maker.timings
            self._store.publish(name, directory, self._make(maker))
        except HostError as error:
            if error.code == "checksum" and self._request.source != FILE:
                error.results["quarantine"] = image_care.quarantine(self._request.store, directory, name)
            raise
        finally:
            self._store.clear(name)

    def _make(self, maker: ImageMaker) -> Record:
        makers = {URL: maker.download, FILE: maker.copy, BUILD: maker.build}
        if self._request.source != PUBLISHED:
            return makers[self._request.source]()
        try:
            return maker.published()
        except HostError as error:
            if error.code != http.UNREACHABLE or self._request.trust.insists or self._request.release is None:
                raise
            unreachable = error
        try:
            return maker.build()
        except HostError as error:
            cause = f"{unreachable.cause}. Nor could it be built: {error.cause}"
            hint = f"{unreachable.hint} {error.hint}".rstrip()
            raise HostError("have the image", self._request.name, cause, hint, error.code) from error

    def result(self, state: ImageState, plan: Plan, planned: bool) -> dict[str, object]:
        request = self._request
        name: dict[str, object] = {"name": request.name}
        if not request.present:
            return name
        if state.record is None or (planned and plan.changed):
            return {**name, **_planned(request)}
        return {**name, **self.described(state.record)}

    def described(self, record: Record) -> dict[str, object]:
        kernel = None
        if record.cmdline is not None:
            kernel = {
                "path": self._store.file(record.digest, KERNEL),
                "initrd": self._store.file(record.digest, INITRD),
                "cmdline": record.cmdline,
            }
        return {
            "digest": record.digest,
            "path": self._store.file(record.digest, IMAGE),
            "format": record.format,
            "virtual_size": record.virtual_size,
            "kernel": kernel,
            "release": record.release,
            "architecture": record.architecture,
            "source": record.source,
            "origin": record.origin,
            "user": record.user,
            "packages": list(record.packages),
            "verification": record.verification.document(),
        }


def build(params: Mapping[str, Any]) -> Resource[Any]:
    request = parse(params, machine())
    resource = ImageResource(request)
    return ImageCheck(request, resource.described) if request.verified else resource


def _satisfies(record: Optional[Record], request: Request) -> bool:
    return record is not None and record.agrees(request)


def _other_image(record: Record, request: Request) -> SpecError:
    """The error of an image that the store has, but not as it is asked for, when nobody says where it comes from."""
    option = "checksum" if request.trust.checksum is not None else "verify"
    problem = f"what the store has as {request.name} is another image"
    if option == "verify":
        problem = f"what is noted of {request.name} in the store is {record.verification.level}"
    return SpecError(option, problem, "Leave it out, or state where the image comes from: `url` or `path`.")


def _warnings(request: Request) -> tuple[str, ...]:
    if request.trust.level != NONE or request.trust.stated != NONE:
        return ()
    return (f"Nothing proves who made image {request.name}: verify is none. Its record says so for as long as it is.",)


def _removal(request: Request, state: ImageState, before: Optional[str]) -> Plan:
    if not state.known:
        return Plan()
    warnings: tuple[str, ...] = ()
    if state.users:
        warnings = (f"The files of image {request.name} stay: {', '.join(state.users)} needs them.",)
    what = "forget image" if state.users else "remove image"
    changes = (Change("digest", before, None),) if before else ()
    return Plan((Action("forget", f"{what} {request.name}"),), changes, {}, warnings)


def _sentence(request: Request) -> str:
    name = request.name
    if request.source == URL:
        others = " or its mirrors" if request.transfer.mirrors else ""
        return f"download image {name} from {public_url(request.url or '')}{others}"
    if request.source == FILE:
        return f"copy image {name} from {request.path}"
    if request.source == BUILD:
        return f"build image {name}{_content(request)} from this host's package mirror"
    if request.release is None or request.trust.insists:
        entry = request.known_entry
        return f"download image {name} from {public_url(entry.address(entry.url, request.architecture))}"
    return f"download image {name}, or build it from this host's package mirror where it can't be reached"


def _content(request: Request) -> str:
    """What was chosen of a build, in words."""
    parts = [f"release {request.known_entry.name}"] if request.release_stated else []
    if request.kernel is not None:
        parts.append(f"{request.kernel} kernel")
    if request.packages:
        parts.append(f"packages {', '.join(request.packages)}")
    return f" ({'; '.join(parts)})" if parts else ""


def _planned(request: Request) -> dict[str, object]:
    """What is known of an image before it is made. Whether a release's image brings a kernel depends on its source."""
    own = request.source in (PUBLISHED, BUILD)
    entry = request.entry if own else None
    return {
        "digest": UNKNOWN,
        "path": UNKNOWN,
        "format": "qcow2",
        "virtual_size": UNKNOWN,
        "kernel": UNKNOWN if own else None,
        "release": entry.name if entry else None,
        "architecture": request.architecture.machine,
        "source": UNKNOWN if request.source == PUBLISHED else request.source,
        "origin": request.path if request.source == FILE else UNKNOWN,
        "user": entry.user if entry else None,
        "packages": list(request.content.packages),
        "verification": {**dict.fromkeys(Verification().document(), UNKNOWN), "level": _level(request)},
    }


def _level(request: Request) -> str:
    """The level that is reached, where what is fetched or built is known."""
    if request.source == PUBLISHED and request.release is not None and not request.trust.insists:
        return UNKNOWN
    return SIGNATURE if request.source == BUILD else request.trust.level
