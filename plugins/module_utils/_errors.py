# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two kinds of expected error; `_run` turns both into `fail_json`."""

from __future__ import annotations

from typing import Any


class BurrowError(Exception):
    """What both kinds share: a code for programs, a path and a hint for people."""

    def __init__(self, message: str, *, code: str, path: str, hint: str = "") -> None:
        super().__init__(message if not hint else f"{message.rstrip('.')}. {hint}")
        self.code = code
        self.path = path
        self.hint = hint
        # Further keys of the failed result.
        self.results: dict[str, Any] = {}


class SpecError(BurrowError):
    """What was asked for can't be meant: raised by pure layers, before anything changes.

    path names the option as the user wrote it (`disks[1].size`), problem says what is wrong
    with which value, hint what to write instead.
    """

    def __init__(self, path: str, problem: str, hint: str = "", code: str = "invalid") -> None:
        super().__init__(f"{path}: {problem}", code=code, path=path, hint=hint)
        self.problem = problem


class HostError(BurrowError):
    """Something on the host failed: raised by gateways.

    operation is what was tried ("define the domain"), object on what ("work"), cause why.
    """

    def __init__(self, operation: str, obj: str, cause: str, hint: str = "", code: str = "host") -> None:
        super().__init__(f"{obj}: can't {operation}: {cause}", code=code, path=obj, hint=hint)
        self.operation = operation
        self.cause = cause
