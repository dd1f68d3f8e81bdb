# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads that go on where they stopped, checked and unpacked while they come.

What came so far is kept beside a note of what it is of. Each request for the rest names the validator of the first
(If-Range), so a file that changed is sent, and taken, from its beginning: by another mirror, too.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Optional

from .._errors import HostError
from .._model.address import public_url
from .._model.checksum import Checksum
from .._model.transfer import Transfer
from . import files, http
from .http import TransferError
from .sums import BLOCK, Block, Sums, compare
from .unpack import Unpacker, packing

FILE, NOTE = "download", "note.json"
_LATE = "timeout"
# Of one file, also unpacked; what a server sends, and what a small file unpacks to, may have no end.
LARGEST = 1 << 38
# So often the room is looked at while nobody knows what is to come.
_STRIDE = 64 << 20
_TRIES = 4
# What came of it makes a broken attempt none.
_PROGRESS = 1 << 20
# Seconds before the second attempt; twice as many before each further one.
_PAUSE = 1.0
# Fewer kept bytes don't tell what the file is, and cost nothing.
_LEAST = 1024
# After these the rest may still come.
_KEPT = (http.UNREACHABLE, http.TRUNCATED, _LATE)
_RANGE = re.compile(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19})", re.ASCII)
_PAGES = (b"<!doctype html", b"<html", b"<?xml")


@dataclass(frozen=True)
class Fetched:
    """sums are of the bytes as they came, packed or not. address is the one that sent them, without a token."""

    sums: dict[str, str]
    address: str
    packed: bool = False


@dataclass(frozen=True)
class Note:
    """What the kept part is of. wanted are the checksums, or without one the address; size is of the whole."""

    wanted: str
    validator: str
    size: int


class Download:
    """One file. What came so far is kept in directory, which nobody else uses.

    target is the finished file, and after an error of code checksum what came instead.
    """

    def __init__(self, name: str, directory: str, target: str, checksums: tuple[Checksum, ...]) -> None:
        self._name, self._directory, self._target, self._checksums = name, directory, target, checksums
        self._part, self._note = os.path.join(directory, FILE), os.path.join(directory, NOTE)

    def fetch(self, url: str, transfer: Transfer) -> Fetched:
        """Ask the mirrors and url, one after the other. An error of code http.UNREACHABLE says that none answered."""
        hint = "Run again: what came is kept, and gone on with. Or state a larger `timeout`."
        late = HostError("download it", self._name, f"it was not there after {transfer.timeout} s", hint, _LATE)
        with http.deadline(transfer.timeout, late):
            failures: list[HostError] = []
            for address in transfer.addresses(url):
                try:
                    fetched = self._tried(address, transfer)
                except HostError as error:
                    if error.code in (_LATE, "no_space"):
                        raise
                    failures.append(error)
                else:
                    files.remove(self._directory)
                    return fetched
                finally:
                    if not self._kept() or self._read_note() is None:
                        files.remove(self._directory)
        raise _all(failures, self._name)

    def _tried(self, url: str, transfer: Transfer) -> Fetched:
        """One address, asked again after what may pass."""
        tries, came, mended = 0, False, False
        while True:
            before = self._kept()
            try:
                return self._once(url, transfer)
            except HostError as error:
                progress = self._kept() - before
                came = came or progress > 0
                if error.code not in _KEPT or getattr(error, "status", 0) == http.NO_SUCH_RANGE:
                    files.remove(self._part)
                if error.code in ("checksum", "damaged_image") and before and not mended:
                    # The part may have been another's, or lost blocks when the host lost its power.
                    mended = True
                    continue
                tries = 1 if progress >= _PROGRESS else tries + 1
                if not isinstance(error, TransferError) or tries >= _TRIES or not (error.again or came):
                    raise
                time.sleep(error.wait or _PAUSE * 2 ** (tries - 1))

    def _once(self, url: str, transfer: Transfer) -> Fetched:
        wanted = " ".join(map(str, self._checksums)) or public_url(url)
        kept, note = self._kept(), self._read_note()
        headers = {}
        if note is not None and note.wanted == wanted and _LEAST <= kept < note.size:
            headers = {"Range": f"bytes={kept}-", "If-Range": note.validator}
        with http.opened(url, self._name, transfer.login, headers) as response:
            start, size = self._begin(response, note if headers else None, wanted)
            sums = self._take(response, start, size)
        try:
            compare(self._checksums, sums, self._name, public_url(url))
        except HostError:
            # Whoever asked may want to know what it is; nobody goes on with it.
            os.replace(self._part, self._target)
            raise
        packed = files.exists(self._target)
        if not packed:
            os.rename(self._part, self._target)
        return Fetched(sums, public_url(url), packed)

    def _begin(self, response: Any, note: Optional[Note], wanted: str) -> tuple[int, Optional[int]]:
        """Where the answer begins in the file, and how long the whole is, where that is known."""
        server = http.host(response.url)
        if note is not None and response.status == 206:
            match = _RANGE.fullmatch(response.headers.get("Content-Range") or "")
            if match is not None and (int(match[1]), int(match[2])) == (self._kept(), note.size):
                return self._kept(), note.size
            files.remove(self._part)
            raise TransferError(self._name, f"{server} sends another part than was asked for", again=True)
        if response.status != 200:
            cause = f"{server} answers with {response.status} instead of a file"
            raise TransferError(self._name, cause, "Correct the address.")
        length = response.headers.get("Content-Length") or ""
        size = int(length) if re.fullmatch(r"[0-9]{1,19}", length, re.ASCII) else None
        refuse_endless(size or 0, self._name)
        http.need_room(self._directory, size or 0, self._name)
        files.remove(self._directory)
        files.make_directory(self._directory, 0o700)
        validator = _validator(response.headers)
        if size and validator:
            files.write_json(self._note, asdict(Note(wanted, validator, size)), 0o600)
        return 0, size

    def _take(self, response: Any, start: int, size: Optional[int]) -> dict[str, str]:
        """Read the rest. Each block is written, checked and unpacked before the next one is asked for."""
        files.remove(self._target)
        room = Room(self._directory, self._name)
        sums, unpacked = Sums(), Unpacked(self._target, self._name)
        try:
            with _open(self._part, "r+b" if start else "w+b") as part:
                for block in _blocks(part, start):
                    sums.update(block)
                    unpacked.feed(block)
                received = start
                for block in _answer(response):
                    if not received:
                        self._refuse_page(block, http.host(response.url))
                    _write(part, block, self._part)
                    received += len(block)
                    if size is None:
                        refuse_endless(received, self._name)
                        room.look(received)
                    sums.update(block)
                    unpacked.feed(block)
            if size is not None and received < size:
                cause = f"{http.host(response.url)} sent {received} of {size} bytes"
                raise TransferError(self._name, cause, "Run again, or state `mirrors`.", http.TRUNCATED, again=True)
            unpacked.end()
            return sums.done()
        finally:
            sums.end()
            unpacked.close()

    def _refuse_page(self, block: Block, server: str) -> None:
        if bytes(block[:64]).lstrip().lower().startswith(_PAGES):
            hint = "Open the address in a browser: it may ask for a login, or say that there is no such file."
            raise TransferError(self._name, f"{server} sends a web page instead of an image", hint, "web_page")

    def _kept(self) -> int:
        try:
            return os.stat(self._part).st_size
        except FileNotFoundError:
            return 0

    def _read_note(self) -> Optional[Note]:
        try:
            note = Note(**(files.read_json(self._note) or {}))
        except TypeError:
            return None
        return note if isinstance(note.size, int) and isinstance(note.validator, str) else None


class Unpacked:
    """The file that a packed one unpacks to; none is made of one that isn't packed."""

    def __init__(self, path: str, name: str) -> None:
        self._path, self._name = path, name
        self._begun = False
        self._unpacker: Optional[Unpacker] = None
        self._stream: Any = None
        self._size = 0
        self._room = Room(os.path.dirname(path), name)

    def feed(self, block: Block) -> None:
        if not self._begun:
            self._begun = True
            kind = packing(block)
            if kind is not None:
                self._unpacker = Unpacker(kind, self._name)
                self._stream = _open(self._path, "wb")
        if self._unpacker is None:
            return
        for piece in self._unpacker.feed(block):
            self._size += len(piece)
            refuse_endless(self._size, self._name)
            self._room.look(self._size)
            if piece.count(0) == len(piece):
                self._stream.seek(self._size)
            else:
                _write(self._stream, piece, self._path)

    def end(self) -> None:
        if self._unpacker is not None:
            self._unpacker.end()
            self._stream.truncate(self._size)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()


class Room:
    """Looks from time to time whether there is still some below directory."""

    def __init__(self, directory: str, name: str) -> None:
        self._directory, self._name = directory, name
        self._looked = 0

    def look(self, size: int) -> None:
        """size is how much was written so far."""
        if size - self._looked >= _STRIDE:
            self._looked = size
            http.need_room(self._directory, _STRIDE, self._name)


def refuse_endless(size: int, name: str) -> None:
    if size > LARGEST:
        cause = f"it is larger than {LARGEST >> 30} GiB"
        raise HostError(
            "download it", name, cause, "Fetch and unpack it by other means, and state `path`.", "too_large"
        )


def _validator(headers: Any) -> str:
    """What If-Range takes: a strong entity tag, else the date (RFC 9110, 13.1.5)."""
    tag = headers.get("ETag") or ""
    text: str = tag if tag.startswith('"') else headers.get("Last-Modified") or ""
    return text if text.isascii() and text.isprintable() and len(text) <= 200 else ""


def _answer(response: Any) -> Iterator[Block]:
    while True:
        # A buffer of its own for each: the checksums lag behind.
        block = bytearray(BLOCK)
        count = response.readinto(block)
        if not count:
            return
        yield memoryview(block)[:count]


def _blocks(part: Any, end: int) -> Iterator[Block]:
    """What was kept, up to its end; the stream stands there afterwards."""
    place = 0
    while place < end:
        block = part.read(min(BLOCK, end - place))
        place += len(block) or end
        yield block


def _open(path: str, mode: str) -> Any:
    """Unbuffered: what came is in the file, however the process ends."""
    with files.named("open", path):
        return open(path, mode, buffering=0)


def _write(stream: Any, block: Block, path: str) -> None:
    """All of it: an unbuffered file may take less."""
    rest = memoryview(block)
    with files.named("write", path):
        while rest:
            rest = rest[stream.write(rest) :]


def _all(failures: Sequence[HostError], name: str) -> HostError:
    """One error for all addresses. A build may stand in only where none of them answered."""
    if len(failures) == 1:
        return failures[0]
    last = next((error for error in reversed(failures) if error.code != http.UNREACHABLE), failures[-1])
    return HostError("download it", name, "; ".join(error.cause for error in failures), last.hint, last.code)
