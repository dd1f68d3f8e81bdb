# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checksums of a stream: each in a thread of its own, as hashlib lets go of the interpreter while it computes."""

from __future__ import annotations

import hashlib
import queue
import threading
from typing import Any, Optional, Union

from .._errors import HostError
from .._model.checksum import Checksum

Block = Union[bytes, memoryview]
# Both, whichever was stated: the next task may state the other.
_ALGORITHMS = ("sha256", "sha512")
_WAITING = 4
BLOCK = 1 << 18


class Sums:
    """Blocks in, checksums out. Blocks must not be changed after they were given."""

    def __init__(self) -> None:
        self._totals = {algorithm: hashlib.new(algorithm) for algorithm in _ALGORITHMS}
        self._queues: list[queue.Queue[Optional[Block]]] = [queue.Queue(_WAITING) for _total in self._totals]
        self._threads = [
            threading.Thread(target=_work, args=(total, blocks), daemon=True)
            for total, blocks in zip(self._totals.values(), self._queues)
        ]
        for thread in self._threads:
            thread.start()

    def update(self, block: Block) -> None:
        for blocks in self._queues:
            blocks.put(block)

    def done(self) -> dict[str, str]:
        """algorithm -> checksum. No block can follow."""
        self.end()
        return {algorithm: total.hexdigest() for algorithm, total in self._totals.items()}

    def end(self) -> None:
        for blocks, thread in zip(self._queues, self._threads):
            if thread.is_alive():
                blocks.put(None)
                thread.join()


def _work(total: Any, blocks: queue.Queue[Optional[Block]]) -> None:
    for block in iter(blocks.get, None):
        total.update(block)


def of_file(path: str) -> dict[str, str]:
    sums = Sums()
    try:
        with open(path, "rb") as stream:
            for block in iter(lambda: stream.read(BLOCK), b""):
                sums.update(block)
    finally:
        sums.end()
    return sums.done()


def compare(checksums: tuple[Checksum, ...], sums: dict[str, str], name: str, place: str) -> None:
    """Refuse other bytes than those that were meant. place is where they are from."""
    for checksum in checksums:
        if sums[checksum.algorithm] != checksum.value:
            found = f"{checksum.algorithm}:{sums[checksum.algorithm]}"
            raise HostError(
                "accept the image",
                name,
                f"{place} has the checksum {found} instead of {checksum}",
                "It was changed or damaged on its way, or the stated checksum is another image's.",
                "checksum",
            )
