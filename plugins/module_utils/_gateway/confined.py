# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program on content from strangers: as user nobody, with bounds on memory, time, files and output."""

from __future__ import annotations

import os
import pwd
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from .._errors import HostError
from .process import end, failed, needed, tail

_NOBODY = "nobody"
_BLOCK = 1 << 16
# One answer is some KiB, and qemu-img check complains about each bad entry of each table.
_MOST_OUTPUT = 1 << 20
# QEMU has up to 64 threads at work, and each takes a stack of this limit from the address space.
_STACK = 1 << 20
# strerror(ENOMEM) in the C locale, and GLib before it aborts.
_NO_MEMORY = (b"Cannot allocate memory", b"failed to allocate")


@dataclass(frozen=True)
class Limits:
    """seconds bound the processor's time and the clock's; memory and written are in bytes."""

    seconds: int
    memory: int = 1 << 30
    written: int = 0


@dataclass(frozen=True)
class _User:
    uid: int
    gid: int


def run(
    arguments: Sequence[str],
    *,
    operation: str,
    obj: str,
    limits: Limits,
    descriptors: Sequence[int] = (),
    package: str = "",
    accepted: Sequence[int] = (0,),
) -> bytes:
    """Run a program and return what it wrote to standard output.

    It sees the files of descriptors, as /proc/self/fd/N, and nothing of this environment. Who isn't root runs it as
    who they are. What goes over a limit is an error of code "limits"; see process.run for the rest.
    """
    program = needed(arguments[0], operation, obj, package)
    user = unprivileged()
    # user, group and extra_groups are Python 3.9's; they are set before preexec_fn is called, which only lowers limits.
    process = subprocess.Popen(  # pylint: disable=ansible-bad-function,subprocess-popen-preexec-fn
        [program, *arguments[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # glibc reserves 64 MiB of address space for each thread's arena otherwise.
        env={"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1", "PATH": os.defpath},
        cwd="/",
        start_new_session=True,
        pass_fds=tuple(descriptors),
        preexec_fn=lambda: _limit(limits),  # noqa: PLW1509 - this process has one thread
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
    )
    try:
        output, errors = _collect(process, limits)
        if output is None:
            raise _over(operation, obj, arguments[0], "more output than can be meant")
        code = process.wait(max(limits.seconds, 1))
    except subprocess.TimeoutExpired as error:
        raise _over(operation, obj, arguments[0], f"more than {limits.seconds} s") from error
    finally:
        end(process)
        for stream in filter(None, (process.stdout, process.stderr)):
            stream.close()
    if code in (-signal.SIGXCPU, -signal.SIGXFSZ):
        what = f"more than {limits.seconds} s" if code == -signal.SIGXCPU else f"more than {limits.written} bytes"
        raise _over(operation, obj, arguments[0], what)
    if code not in accepted:
        if any(words in errors for words in _NO_MEMORY):
            raise _over(operation, obj, arguments[0], f"more than {limits.memory >> 20} MiB of memory")
        raise failed(f"{arguments[0]} ended with {code}", tail(errors or output), operation, obj)
    return output


def unprivileged() -> Optional[_User]:
    """Who a confined program runs as, or None where it is the user that this process is already.

    A container may have no such user, or not map it: setuid fails there, and root is none of the host's.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(_NOBODY)
    except KeyError:
        return None
    if not (_mapped("uid", entry.pw_uid) and _mapped("gid", entry.pw_gid)):
        return None
    return _User(entry.pw_uid, entry.pw_gid)


def _mapped(kind: str, number: int) -> bool:
    with open(f"/proc/self/{kind}_map", encoding="ascii") as stream:
        ranges = [[int(word) for word in line.split()] for line in stream]
    return any(first <= number < first + count for first, _outside, count in ranges)


def _limit(limits: Limits) -> None:
    for kind, soft, hard in (
        (resource.RLIMIT_AS, limits.memory, limits.memory),
        # At the hard limit the kernel sends SIGKILL, which doesn't tell why.
        (resource.RLIMIT_CPU, limits.seconds, limits.seconds + 1),
        (resource.RLIMIT_FSIZE, limits.written, limits.written),
        (resource.RLIMIT_STACK, _STACK, _STACK),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        most = resource.getrlimit(kind)[1]
        bound = hard if most == resource.RLIM_INFINITY else most
        resource.setrlimit(kind, (min(soft, bound), min(hard, bound)))


def _collect(process: subprocess.Popen[bytes], limits: Limits) -> tuple[Optional[bytes], bytes]:
    """Both outputs to their end, or None instead of the first when they are too long."""
    parts: dict[int, bytearray] = {}
    deadline = time.monotonic() + limits.seconds
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ)
                parts[stream.fileno()] = bytearray()
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(process.args, limits.seconds)
            for key, _events in selector.select(left):
                block = os.read(key.fd, _BLOCK)
                parts[key.fd] += block
                if not block:
                    selector.unregister(key.fileobj)
            if sum(map(len, parts.values())) > _MOST_OUTPUT:
                return None, b""
    output, errors = [bytes(part) for part in parts.values()]
    return output, errors


def _over(operation: str, obj: str, program: str, what: str) -> HostError:
    hint = "An image that was made to exhaust its reader does this: take one from a source that you trust."
    return HostError(operation, obj, f"{program} took {what}", hint, "limits")
