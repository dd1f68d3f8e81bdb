# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills a directory with an image: fetched, copied or built, and in each case proven before it is one."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Optional

from .._errors import HostError, SpecError
from .._model import recipe
from .._model.address import file_name
from .._model.apt import Source
from .._model.catalog import Entry
from .._model.image import BUILD, Record, Request, read_record
from .._model.image_candidate import Layout
from .._model.image_format import QCOW2
from .._model.verification import APT, SIGNATURE, STATED, Verification
from . import bootstrap, disk_image, files, http, image_file, sums, tree, untrusted_image
from .checksum import checksum as checksum_of
from .download import Download
from .image_proof import Proof, prove
from .image_store import IMAGE, INITRD, KERNEL, RECORD
from .process import run

# The tree, the raw disk made of it, and the qcow2 made of that, with half as much to spare.
_BUILD_ROOM = 3 << 30
_DOWNLOAD = "download"


@dataclass(frozen=True)
class Origin:
    """Where an image is from. place is an address, path or mirror; entry is the catalog's when the image is its."""

    source: str
    place: str
    entry: Optional[Entry] = None


class ImageMaker:
    """One request, carried out in directory. incoming is where a download is kept. timings: seconds per phase."""

    def __init__(self, request: Request, directory: str, incoming: str) -> None:
        self._request = request
        self._directory = directory
        self._incoming = incoming
        self.timings: dict[str, float] = {}

    def published(self) -> Record:
        """The catalog's own image. An address that can't be reached is an error of code http.UNREACHABLE."""
        entry = self._request.known_entry
        return self._download(entry.address(entry.url, self._request.architecture), entry)

    def download(self) -> Record:
        return self._download(self._request.url)

    def copy(self) -> Record:
        """A file of this host."""
        request = self._request
        if os.path.isdir(request.path):
            return self._copy_stored()
        proof = self._prove(os.path.basename(request.path))
        with self._phase("copy"), image_file.opened(request.path, "path") as descriptor:
            self._copy(descriptor, _DOWNLOAD)
        with self._phase("sum"):
            totals = sums.of_file(self._path(_DOWNLOAD))
            sums.compare(proof.checksums, totals, request.name, request.path)
        return self._accept(proof, totals, Origin("file", request.path))

    def _copy_stored(self) -> Record:
        """An image of another store, with all that belongs to it."""
        request = self._request
        record = look_at_stored(request)
        names = [IMAGE] if record.cmdline is None else [IMAGE, KERNEL, INITRD]
        with self._phase("copy"):
            for name in names:
                # A link could lead to what only root may read, and everybody reads the store.
                with image_file.opened(os.path.join(request.path, name), "path", follow=False) as descriptor:
                    self._copy(descriptor, name)
        with self._phase("check"):
            self._check(IMAGE, request.path)
            for name in names:
                _same(request.path, name, record.files.get(name), checksum_of(self._path(name)))
        return record

    def _copy(self, descriptor: int, name: str) -> None:
        """Copy an open file, whatever its path leads to by now."""
        http.need_room(self._directory, os.fstat(descriptor).st_blocks * 512, self._request.name)
        opened = f"/proc/{os.getpid()}/fd/{descriptor}"
        arguments = ["cp", "--reflink=auto", "--sparse=always", "--", opened, self._path(name)]
        run(arguments, operation="copy the image", obj=self._request.path, timeout=3600)

    def build(self) -> Record:
        """The release's image, made of packages from the mirror of this host."""
        request = self._request
        release, architecture = request.known_release, request.architecture
        sources = bootstrap.host_mirror(release)
        http.need_room(self._directory, _BUILD_ROOM, request.name)
        place = bootstrap.Bootstrap(self._path("build"))
        os.mkdir(place.directory, 0o700)
        # The modes of what is made here are part of the image; nobody but us can enter the directory.
        os.umask(0o022)
        with self._phase("bootstrap"):
            bootstrap.make_tree(place, release, architecture, sources, request.content)
        with self._phase("seal"):
            own = bootstrap.guest_sources(place, release, architecture, sources)
            kernel = tree.seal(place.tree, release, architecture, own)
            esp = place.path("esp")
            tree.make_esp(place.tree, esp, release, architecture, kernel)
            digest = tree.digest(request.content, place.tree, esp)
        with self._phase("assemble"):
            parts = disk_image.Parts(place.tree, esp, place.directory)
            os.rename(disk_image.assemble(parts, architecture, digest, request.name), self._path(IMAGE))
            shutil.copyfile(kernel.path, self._path(KERNEL))
            shutil.copyfile(kernel.initrd, self._path(INITRD))
            shutil.rmtree(place.directory)
        record = self._record(digest, Origin(BUILD, sources[0].uri, request.entry), {})
        return replace(
            record,
            cmdline=recipe.command_line(architecture),
            packages=request.content.packages,
            flavour=request.content.kernel,
            verification=_by_apt(sources[0]),
        )

    def _download(self, url: str, entry: Optional[Entry] = None) -> Record:
        request, proof = self._request, self._prove(file_name(url))
        with self._phase("download"):
            download = Download(request.name, self._incoming, self._path(_DOWNLOAD), proof.checksums)
            fetched = download.fetch(url, request.transfer)
        return self._accept(proof, fetched.sums, Origin("url", fetched.address, entry), packed=fetched.packed)

    def _prove(self, published_name: str) -> Proof:
        with self._phase("verify"):
            return prove(self._request.trust, published_name, self._request.name)

    def _accept(self, proof: Proof, totals: dict[str, str], origin: Origin, *, packed: bool = False) -> Record:
        """Make the fetched file the image, when it is whole and depends on nothing else.

        totals are the checksums of what came, packed where it was; they are what proof asks for.
        """
        with self._phase("check"):
            layout, compressed = self._check(_DOWNLOAD, origin.place, self._request.format)
        if layout.format == QCOW2 and not compressed:
            os.rename(self._path(_DOWNLOAD), self._path(IMAGE))
        else:
            with self._phase("convert"), image_file.opened(self._path(_DOWNLOAD), self._option) as descriptor:
                untrusted_image.convert(descriptor, layout, self._path(IMAGE), self._request.name)
            os.unlink(self._path(_DOWNLOAD))
        record = replace(self._record(totals["sha256"], origin, totals), verification=proof.verification)
        as_it_came = layout.format == QCOW2 and not compressed and not packed
        # Its checksum is known then.
        return replace(record, files={IMAGE: record.digest}) if as_it_came else record

    def _check(self, file: str, origin: str, stated: Optional[str] = None) -> tuple[Layout, bool]:
        """What a file of the directory holds, and whether that is compressed; an error when it can't be the image."""
        path = self._path(file)
        # Nobody else passes the directory, and who reads it confined isn't its owner.
        os.chmod(path, 0o444)
        with image_file.opened(path, self._option) as descriptor:
            layout = image_file.layout(descriptor, self._option, origin, stated)
            return layout, untrusted_image.verify(descriptor, layout, self._request.name)

    @property
    def _option(self) -> str:
        """The option that says where the image is from."""
        return "path" if self._request.path else "url"

    def _record(self, digest: str, origin: Origin, checksums: dict[str, str]) -> Record:
        target = self._path(IMAGE)
        with image_file.opened(target, self._option) as descriptor:
            virtual_size = image_file.layout(descriptor, self._option, target, QCOW2).virtual_size
        return Record(
            digest=digest,
            format=QCOW2,
            virtual_size=virtual_size,
            size=os.stat(target).st_size,
            architecture=self._request.architecture.machine,
            source=origin.source,
            origin=origin.place,
            checksums=checksums,
            release=origin.entry.name if origin.entry else None,
            user=origin.entry.user if origin.entry else None,
        )

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.timings[name] = round(time.monotonic() - start, 3)


def look_at(request: Request) -> None:
    """Refuse a file that can't become the image, before anything is copied."""
    path = request.path
    if os.path.isfile(os.path.join(path, RECORD)):
        look_at_stored(request)
        return
    with image_file.opened(path, "path") as descriptor:
        image_file.layout(descriptor, "path", path, request.format)


def look_at_stored(request: Request) -> Record:
    """The record of an image in another store, or in a copy of its directory; an error when it isn't whole."""
    path = request.path
    record = read_record(files.read_json(os.path.join(path, RECORD)))
    names = [IMAGE] if record is None or record.cmdline is None else [IMAGE, KERNEL, INITRD]
    sizes = [os.stat(file).st_size for file in (os.path.join(path, name) for name in names) if os.path.isfile(file)]
    if record is None or len(sizes) < len(names) or sizes[0] != record.size:
        raise SpecError("path", f"{path} is no whole image of a store", "Copy the image's directory again.")
    if record.architecture != request.architecture.machine:
        problem = f"the image in {path} is for {record.architecture}, not for {request.architecture.machine}"
        raise SpecError("path", problem, "Take one for that architecture.")
    if request.trust.checksum is not None or request.trust.checksum_url:
        hint = "Leave it out, or name the image's file itself."
        option = "checksum_url" if request.trust.checksum_url else "checksum"
        raise SpecError(option, "an image of another store is taken by its record", hint)
    with image_file.opened(os.path.join(path, IMAGE), "path", follow=False) as descriptor:
        image_file.layout(descriptor, "path", path, QCOW2)
    return record


def _same(origin: str, name: str, expected: Optional[str], found: str) -> None:
    """Refuse a file that isn't as another store noted it."""
    if expected is not None and found != expected:
        cause = f"its {name} has the SHA-256 {found} instead of {expected}"
        hint = "It has rotted there, or was damaged on its way: copy it again, or verify it where it is from."
        raise HostError("accept the image", origin, cause, hint, "checksum")


def _by_apt(source: Source) -> Verification:
    """apt has verified the packages of a build, by this key."""
    keyring = STATED if "BEGIN PGP" in source.keyring else source.keyring
    return Verification(SIGNATURE, key_source=keyring or APT)
