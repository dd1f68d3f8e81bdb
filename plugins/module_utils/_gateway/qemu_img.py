# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""qemu-img: looks into disk images and makes them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
from typing import Any, Optional

from .._errors import HostError, SpecError
from .._model.disk import HEAD, Image, image_format
from .._model.image_qcow2 import read_header
from . import files, image_file
from .kept_files import named
from .process import run

_PACKAGE = "qemu-utils"
_LONG = 3600.0
# QEMU locks byte 100 + n of an image for each permission n that it has of it (block/file-posix.c); 1 is to write.
_WRITTEN = 101


def inspect(path: str, stated_format: Optional[str] = None) -> Image:
    """What the image holds. Its format is the stated one, or by its first bytes.

    QEMU locks the images it has open. Without -U the look at a qcow2 needs a lock of its own; where only the look
    with -U succeeds, somebody writes the image. The look at a raw one needs none.
    """
    kind = stated_format or image_format(files.read(path, HEAD) or b"")
    outside = _outside(path) if kind == "qcow2" else None
    if outside is not None:
        return outside
    in_use = _is_written(path)
    try:
        information = _json(["info", "--output=json", "-f", kind, path], "look into the disk image", path)
    except HostError as error:
        if error.code != "host":
            raise
        try:
            information = _json(["info", "-U", "--output=json", "-f", kind, path], "look into the disk image", path)
        except HostError:
            raise _damaged(path, error.cause) from error
        in_use = True
    return Image(
        path=path,
        format=kind,
        virtual_size=information["virtual-size"],
        actual_size=information.get("actual-size", 0),
        backing=information.get("full-backing-filename") or information.get("backing-filename"),
        in_use=in_use,
    )


def _outside(path: str) -> Optional[Image]:
    """An image whose data is in another file. qemu-img isn't asked: it opens that one (CVE-2024-4467)."""
    with named("read", path), open(path, "rb") as stream:
        try:
            header = read_header(image_file.candidate(stream.fileno(), "path", path))
        except SpecError:
            # qemu-img finds it damaged, too.
            return None
    if not header.outside:
        return None
    return Image(path, "qcow2", header.size, 0, data_file=", ".join(header.names) or "a file that it doesn't name")


def _is_written(path: str) -> bool:
    """Whether QEMU has the image open to write."""
    # struct flock: l_type, l_whence, l_start, l_len, l_pid.
    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _WRITTEN, 1, 0)
    # Whoever may not read it hears so from qemu-img.
    with contextlib.suppress(OSError), open(path, "rb") as image:
        found = fcntl.fcntl(image, fcntl.F_OFD_GETLK, wanted)
        return bool(struct.unpack_from("h", found)[0] != fcntl.F_UNLCK)
    return False


def verify(image: Image) -> None:
    """Refuse a qcow2 whose tables are damaged or point behind its end, as after a download that broke off."""
    if image.format != "qcow2":
        return
    arguments = ["check", "--output=json", "-f", image.format, image.path]
    try:
        # 0 is well, 2 corrupt, 3 leaked clusters, which are harmless.
        report = _json(arguments, "check the disk image", image.path, accepted=(0, 2, 3))
    except HostError as error:
        if error.code != "host":
            raise
        raise _damaged(image.path, error.cause) from error
    errors = report.get("corruptions", 0) + report.get("check-errors", 0)
    if errors:
        raise _damaged(image.path, f"qemu-img check finds {errors} errors")


def measure(image: Image) -> int:
    """The bytes that a copy will take on its file system."""
    arguments = ["measure", "--output=json", "-O", "qcow2", "-f", image.format, image.path]
    required: int = _json(arguments, "measure the disk image", image.path)["required"]
    return required


def create(path: str, kind: str, size: int, backing: Optional[Image] = None) -> None:
    """Make a disk; with a backing image an overlay, whose header states the backing image's format.

    Without the format QEMU would guess it from content that a guest can write (CVE-2008-2004 and its kin).
    """
    behind = ["-b", backing.path, "-F", backing.format] if backing else []
    arguments = ["qemu-img", "create", "-q", "-f", kind, *behind, path, str(size)]
    run(arguments, operation="make the disk", obj=path, package=_PACKAGE)


def copy(source: Image, path: str, kind: str) -> None:
    """Copy the content, its backing chain included, without the unused parts."""
    arguments = ["qemu-img", "convert", "-q", "-f", source.format, "-O", kind, source.path, path]
    run(arguments, operation=f"copy {source.path}", obj=path, timeout=_LONG, package=_PACKAGE)


def resize(path: str, kind: str, size: int) -> None:
    """Set the virtual size of a disk that no QEMU has open."""
    arguments = ["qemu-img", "resize", "-q", "-f", kind, path, str(size)]
    run(arguments, operation="grow the disk", obj=path, package=_PACKAGE)


def _json(arguments: list[str], operation: str, path: str, accepted: tuple[int, ...] = (0,)) -> Any:
    output = run(
        ["qemu-img", *arguments], operation=operation, obj=path, timeout=_LONG, package=_PACKAGE, accepted=accepted
    )
    try:
        return json.loads(output)
    except ValueError as error:
        raise HostError(operation, path, "qemu-img answered with no JSON") from error


def _damaged(path: str, cause: str) -> HostError:
    hint = "Download or copy it again, or name another one."
    return HostError("use the disk image", path, f"damaged or truncated ({cause})", hint, "damaged_image")
