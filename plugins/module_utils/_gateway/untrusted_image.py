# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""qemu-img on images of strangers: after their headers were looked at, by a stated format, and confined.

It is given descriptors of files that nobody else can reach, so that what was looked at is what it reads.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._errors import HostError
from .._model.image_candidate import AGAIN, Layout
from .._model.image_format import QCOW2, RAW
from . import confined, http

_PACKAGE = "qemu-utils"
# What a slow disk reads in a second, and what any work takes besides.
_PACE = 8 << 20
_LEAST = 60
# What a qcow2 takes more than `qemu-img measure` says: the last clusters of its tables.
_SPARE = 4 << 20


def verify(descriptor: int, layout: Layout, name: str) -> bool:
    """Refuse an image whose tables are damaged or point behind its end; return whether it is compressed."""
    if layout.format == RAW:
        return False
    size = os.fstat(descriptor).st_size
    with _damage(name):
        # 0 is well, 2 corrupt, 3 leaked clusters, which are harmless.
        report = _json(["check", "-f", layout.format], descriptor, name, _seconds(size), (0, 2, 3))
    errors = report.get("corruptions", 0) + report.get("check-errors", 0)
    if errors:
        raise _damaged(name, f"qemu-img check finds {errors} errors")
    return bool(report.get("compressed-clusters"))


def convert(descriptor: int, layout: Layout, target: str, name: str) -> None:
    """Write the image to target, as a qcow2 without compression and without what is only zeros.

    Scattered reads of a compressed image take 8 times as long (0.11 ms against 0.01 ms for 4 KiB, QEMU 10.0), in each
    guest anew. Clusters of 32 KiB to 2 MiB made no difference that repeats; the default of 64 KiB stays sparsest.
    """
    seconds = _seconds(os.fstat(descriptor).st_size)
    with _damage(name):
        report = _json(["measure", "-O", QCOW2, "-f", layout.format], descriptor, name, seconds)
    needed = int(report["required"]) + _SPARE
    http.need_room(os.path.dirname(target), needed, name)
    with _written(target) as output, _damage(name):
        arguments = ["convert", "-q", "-f", layout.format, "-O", QCOW2, _path(descriptor), _path(output)]
        confined.run(
            ["qemu-img", *arguments],
            operation="convert the image",
            obj=name,
            limits=confined.Limits(seconds + _seconds(needed), written=needed),
            descriptors=(descriptor, output),
            package=_PACKAGE,
        )


@contextmanager
def _written(target: str) -> Iterator[int]:
    """A new file that the confined program may write, and that is ours again after."""
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        user = confined.unprivileged()
        if user is not None:
            os.fchown(descriptor, user.uid, user.gid)
        yield descriptor
        os.fchown(descriptor, os.geteuid(), os.getegid())
    finally:
        os.close(descriptor)


@contextmanager
def _damage(name: str) -> Iterator[None]:
    """What qemu-img fails at in a file that is all ours is the file's content."""
    try:
        yield
    except HostError as error:
        if error.code != "host":
            raise
        raise _damaged(name, error.cause) from error


def _json(arguments: list[str], descriptor: int, name: str, seconds: int, accepted: tuple[int, ...] = (0,)) -> Any:
    operation = f"{arguments[0]} the image"
    output = confined.run(
        ["qemu-img", *arguments, "--output=json", _path(descriptor)],
        operation=operation,
        obj=name,
        limits=confined.Limits(seconds),
        descriptors=(descriptor,),
        package=_PACKAGE,
        accepted=accepted,
    )
    try:
        return json.loads(output)
    except ValueError as error:
        raise HostError(operation, name, "qemu-img answered with no JSON") from error


def _path(descriptor: int) -> str:
    # The program opens the file itself: with its own rights, but without passing the directories above.
    return f"/proc/self/fd/{descriptor}"


def _seconds(size: int) -> int:
    return _LEAST + size // _PACE


def _damaged(name: str, cause: str) -> HostError:
    return HostError("use the image", name, f"damaged or truncated ({cause})", AGAIN, "damaged_image")
