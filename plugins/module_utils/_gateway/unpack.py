# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks xz and gzip as they come, within bounds. What a file is, its first bytes say, never its name."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Iterator
from typing import Any, Optional, Union

from .._errors import HostError

Block = Union[bytes, memoryview]
_STEP = 1 << 20
# `xz -9` needs 65 MiB; the format allows 4 GiB.
_MEMORY = 80 << 20
_MAGIC = {"xz": b"\xfd7zXZ\0", "gzip": b"\x1f\x8b\x08"}
# xz may end with zeros, and tapes' gzip does.
_PADDING = b"\0"


def packing(head: Block) -> Optional[str]:
    """How a file that begins so is packed, None when it isn't. Its first six bytes are enough."""
    start = bytes(head[:6])
    return next((kind for kind, magic in _MAGIC.items() if start.startswith(magic)), None)


class Unpacker:
    """Blocks in, blocks out. name is the image's, for errors."""

    def __init__(self, kind: str, name: str) -> None:
        self._kind, self._name = kind, name
        self._errors: tuple[type[Exception], ...] = (zlib.error,)
        self._decoder: Any = self._new()

    def feed(self, block: Block) -> Iterator[bytes]:
        """What the block unpacks to, in pieces of bounded size. Take them all before the next one."""
        data = bytes(block)
        if self._decoder.eof:
            # Parallel packers write one stream after another.
            data = data.lstrip(_PADDING)
            if not data:
                return
            self._decoder = self._new()
        while True:
            try:
                piece = self._decoder.decompress(data, _STEP)
            except self._errors as error:
                raise self._damaged(str(error)) from error
            if piece:
                yield piece
            if self._decoder.eof:
                data = self._decoder.unused_data.lstrip(_PADDING)
                if not data:
                    return
                self._decoder = self._new()
            elif self._decoder.needs_input and len(piece) < _STEP:
                return
            else:
                data = b""

    def end(self) -> None:
        if not self._decoder.eof:
            raise self._damaged("it ends too early")

    def _new(self) -> Any:
        if self._kind == "gzip":
            return _Gzip()
        try:
            library = importlib.import_module("lzma")
        except ImportError as error:
            raise HostError(
                "unpack it",
                self._name,
                "it is packed by xz, and this host's Python was built without module lzma",
                "State the address of the image unpacked, or packed by gzip; or unpack it and state `path`.",
                "no_unpacker",
            ) from error
        self._errors = (library.LZMAError,)
        return library.LZMADecompressor(library.FORMAT_XZ, memlimit=_MEMORY)

    def _damaged(self, cause: str) -> HostError:
        hint = "Pack it again, with a smaller dictionary where memory is the cause (xz -9 is the largest)."
        return HostError("unpack it", self._name, f"the {self._kind} file is no good: {cause}", hint, "damaged_image")


class _Gzip:
    """zlib with the interface that lzma's decompressor has."""

    def __init__(self) -> None:
        # 16: gzip's head and checksum around it.
        self._inner = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def decompress(self, data: bytes, most: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, most)

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data
