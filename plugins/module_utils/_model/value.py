# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single values as people write them: in YAML, or as text from `-e`."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Optional

from .._errors import SpecError

# YAML 1.1's words, which Ansible takes everywhere else too.
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
# What can't be known before the change is made reads so in check mode, and later modules accept it there.
UNKNOWN = "(known after apply)"
_COUNT = re.compile(r"[0-9]{1,19}", re.ASCII)
# What ext4 and virtiofs take; longer ones fail late and badly.
_LONGEST_PATH = 4095


def shown(value: object) -> str:
    """The value for a message: quoted, one line, bounded."""
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def boolean(value: object, path: str) -> bool:
    if isinstance(value, bool):
        return value
    answer = _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None
    if answer is None:
        raise SpecError(path, f"{shown(value)} is neither true nor false", "Write true or false.")
    return answer


def count(value: object, path: str, *, least: int, most: int) -> int:
    """A whole number; text of digits is one, 2.0 and true are not."""
    number: Optional[int] = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and _COUNT.fullmatch(value.strip()):
        number = int(value)
    if number is None:
        raise SpecError(path, f"{shown(value)} is not a whole number", f"Write a number from {least} to {most}.")
    if not least <= number <= most:
        raise SpecError(path, f"{number} is out of range", f"Write a number from {least} to {most}.")
    return number


def text(value: object, path: str, *, most: int = 1024) -> str:
    """One line of printable text, not empty. most is in characters."""
    if not isinstance(value, str):
        raise SpecError(path, f"{shown(value)} is not text", "Put it in quotes.")
    if not value.strip():
        raise SpecError(path, "it is empty", "Write a value, or leave the variable out.")
    if len(value) > most:
        raise SpecError(path, f"it has {len(value)} characters", f"Write {most} at most.")
    if not value.isprintable():
        raise SpecError(path, f"{shown(value)} holds a line break or control character", "Write it on one line.")
    return value


def matching(pattern: str, problem: str, hint: str) -> Callable[[object, str], str]:
    """A parser of text that is the pattern from end to end. problem is said of what isn't, in words behind it."""
    whole = re.compile(pattern, re.ASCII)

    def parse(value: object, path: str) -> str:
        if not isinstance(value, str) or not whole.fullmatch(value):
            raise SpecError(path, f"{shown(value)} {problem}", hint)
        return value

    return parse


def choice(value: object, path: str, choices: Sequence[str]) -> str:
    if isinstance(value, str) and value in choices:
        return value
    raise SpecError(path, f"{shown(value)} is not known", f"Write one of: {', '.join(choices)}.")


def absolute_path(value: object, path: str) -> str:
    """An absolute path, normalised without looking at any file system."""
    line = text(value, path, most=_LONGEST_PATH)
    if not line.startswith("/"):
        raise SpecError(path, f"{shown(line)} is not an absolute path", "Write a path that begins with /.")
    # POSIX lets normpath keep two leading slashes.
    return "/" + posixpath.normpath(line).lstrip("/")


def mapping(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise SpecError(path, "it is not a mapping", "Write it as `key: value` lines.")
    for key in value:
        if not isinstance(key, str):
            raise SpecError(path, f"the key {shown(key)} is not text", "Put the key in quotes.")
    return dict(value)


def sequence(value: object, path: str) -> list[object]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
        raise SpecError(path, "it is not a list", "Write it as `- item` lines.")
    return list(value)


def unknown_keys(given: Iterable[str], known: Sequence[str], path: str = "", prefix: str = "") -> None:
    """Refuse a key that isn't known, naming the nearest that is. prefix is what the user writes before a key."""
    for key in given:
        if key in known:
            continue
        near = nearest(key, known)
        hint = f"Did you mean `{prefix}{near}`?" if near else f"Known: {', '.join(prefix + name for name in known)}."
        raise SpecError(f"{path}.{key}" if path else prefix + key, "no such key", hint)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that looks most like it, or nothing."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), "")
