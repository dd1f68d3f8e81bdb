# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs programs: argument lists only, the C locale, a deadline."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Optional, Union

from .._errors import HostError
from .files import NO_SPACE_HINT

_TAIL = 20


def find(program: str) -> Optional[str]:
    """The program's path, sbin directories included (they are not in every user's PATH)."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    return shutil.which(program, path=path)


def run(
    arguments: Sequence[str],
    *,
    operation: str,
    obj: str,
    timeout: float = 60.0,
    input_data: Optional[bytes] = None,
    environment: Optional[Mapping[str, str]] = None,
    cwd: Optional[str] = None,
    package: str = "",
    accepted: Sequence[int] = (0,),
) -> bytes:
    """Run a program and return what it wrote to standard output.

    operation and obj name the work in the error ("build the image", "debian-13"); package is what to
    install when the program is missing; timeout is in seconds; accepted are the exit codes that are
    answers, any other is an error. The program runs in a session of its own, so that all it started ends
    with it: at the deadline, and when this run is interrupted.
    """
    program = needed(arguments[0], operation, obj, package)
    # run_command is AnsibleModule's, which gateways don't know.
    process = subprocess.Popen(  # pylint: disable=ansible-bad-function
        [program, *arguments[1:]],
        stdin=subprocess.DEVNULL if input_data is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
        cwd=cwd,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(input_data, timeout)
    except subprocess.TimeoutExpired as error:
        raise HostError(operation, obj, f"{arguments[0]} did not end within {timeout:.0f} s", code="timeout") from error
    finally:
        end(process)
    if process.returncode not in accepted:
        raise failed(f"{arguments[0]} ended with {process.returncode}", tail(errors or output), operation, obj)
    return output


def needed(program: str, operation: str, obj: str, package: str = "") -> str:
    """The program's path, or an error that says what to install."""
    path = find(program)
    if path is None:
        hint = f"Install package {package or program}, or apply role burrow.vm.hypervisor to this host."
        raise HostError(operation, obj, f"{program} is not installed", hint, "missing_program")
    return path


def failed(cause: str, said: str, operation: str, obj: str) -> HostError:
    """The error of a program that ended with a code that is no answer."""
    # strerror(ENOSPC) in the C locale: a program's exit code doesn't tell.
    code, hint = ("no_space", NO_SPACE_HINT) if "No space left on device" in said else ("host", "")
    return HostError(operation, obj, f"{cause}: {said}", hint, code)


def tail(data: Union[bytes, str], lines: int = _TAIL) -> str:
    """The last lines of a program's output, as text."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return "\n".join(text.strip().splitlines()[-lines:])


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program with all that it started, unless it has ended."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
