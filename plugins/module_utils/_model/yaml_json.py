# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that YAML reads as the same document.

cloud-init reads its input with PyYAML, and JSON is YAML only almost: YAML 1.1 takes "1e+16" for text, a pair of
escaped surrogates for two characters, NEL and the Unicode line separators for line breaks, and refuses DEL.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from .._errors import SpecError

_DEEPEST = 40
# YAML takes a longer key for text that goes on.
_LONGEST_KEY = 1000
# All but what YAML 1.1 calls printable, and what it calls a line break or a byte order mark.
_ESCAPED = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def document(value: object, path: str, *, most: int) -> Any:
    """The value, refused when it can't be written as such a document of at most `most` bytes. No content is shown."""
    _check(value, path, 0)
    size = len(dumps(value).encode())
    if size > most:
        raise SpecError(path, f"it has {size} bytes", f"Write {most} at most; put large files elsewhere.")
    return value


def _check(value: object, path: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise SpecError(path, "it is nested too deeply", f"Nest it {_DEEPEST} levels at most.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_key(key, path)
            _check(inner, f"{path}.{key[:60]}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            _check(inner, f"{path}[{index}]", depth + 1)
    elif isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, float) and not math.isfinite(value):
        raise SpecError(path, "it is not a finite number", "Write another number, or put it in quotes.")
    elif not isinstance(value, (int, float)) and value is not None:
        raise SpecError(path, f"it is a {type(value).__name__}", "Use text, numbers, true, false, lists and mappings.")


def _check_key(key: object, path: str) -> None:
    if not isinstance(key, str):
        raise SpecError(path, f"the key {key!r} is not text", "Put the key in quotes.")
    if len(key) > _LONGEST_KEY:
        raise SpecError(path, "a key is too long", f"Use {_LONGEST_KEY} characters at most.")
    _check_text(key, path)


def _check_text(value: str, path: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise SpecError(path, "it is not valid text", "Write it in UTF-8.") from error


def dumps(value: object, indent: str = "") -> str:
    """The document, keys sorted, so that the same content is the same text."""
    inner = indent + "  "
    if isinstance(value, Mapping):
        entries = [f"{inner}{_quoted(key)}: {dumps(value[key], inner)}" for key in sorted(value)]
        return _block("{", entries, indent + "}")
    if isinstance(value, (list, tuple)):
        return _block("[", [inner + dumps(entry, inner) for entry in value], indent + "]")
    if isinstance(value, str):
        return _quoted(value)
    text = json.dumps(value)
    if isinstance(value, float) and "e" in text and "." not in text:
        return text.replace("e", ".0e")
    return text


def _block(opening: str, entries: list[str], closing: str) -> str:
    if not entries:
        return opening + closing.strip()
    return f"{opening}\n" + ",\n".join(entries) + f"\n{closing}"


def _quoted(text: str) -> str:
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
