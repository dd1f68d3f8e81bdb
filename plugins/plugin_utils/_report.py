# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that ends a run: plain lines, fit for a terminal whatever a guest has said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.burrow.vm.plugins.plugin_utils._text import printable

NONE = "-"
_INDENT = "  "
# What the table shows of each guest; the rest stands below it.
_COLUMNS = ("name", "state", "address", "reach", "image", "accelerator", "changes", "seconds")
_WIDEST = 60
# Of no use when they are cut: the phases' times, and what is copied to reach a guest.
_WIDER = {"seconds": 200, "reach": 120}
_CONSOLE_LINES = 30
_NOTES = (
    ("changes", "changed"),
    ("restart_required", "waits for a restart"),
    ("reset_required", "waits for a reset"),
    ("warnings", "has to be noted"),
)


def table(guests: Sequence[Mapping[str, Any]], *, planned: bool = False) -> list[str]:
    """The guests as aligned rows, then what is to be said of single ones, failures last.

    planned: nothing was changed (check mode).
    """
    if not guests:
        return []
    rows = [_COLUMNS, *(tuple(_cell(guest, column) for column in _COLUMNS) for guest in guests)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(_COLUMNS))]
    lines = [_INDENT.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    for guest in guests:
        lines += _notes(guest, planned)
    for guest in guests:
        lines += _failure(guest)
    return lines


def text_lines(text: str) -> list[str]:
    """Text from anywhere, line by line."""
    return [_line(line) for line in text.splitlines()]


def _cell(guest: Mapping[str, Any], column: str) -> str:
    if column == "state" and guest.get("error"):
        return "FAILED"
    value: Any = guest.get(column)
    if column == "changes":
        value = len(value) if value else None
    if column == "seconds":
        value = _seconds(guest.get("timings") or {})
    # A list of phases may be long; anything else that is comes from outside.
    return NONE if value in (None, "") else printable(str(value), _WIDER.get(column, _WIDEST))


def _seconds(timings: Mapping[str, Any]) -> str:
    """ "61.3 (image 30.1, boot 25.0)": the total first."""
    phases = [(phase, float(seconds)) for phase, seconds in timings.items()]
    if not phases:
        return ""
    total = f"{sum(seconds for _phase, seconds in phases):.1f}"
    return f"{total} ({', '.join(f'{phase} {seconds:.1f}' for phase, seconds in phases)})"


def _notes(guest: Mapping[str, Any], planned: bool) -> Iterator[str]:
    for key, heading in _NOTES:
        values = [printable(str(value)) for value in guest.get(key) or ()]
        if not values:
            continue
        said = "would change" if planned and key == "changes" else heading
        yield f"{_name(guest)} {said}:"
        yield from (f"{_INDENT}{value}" for value in values)


def _failure(guest: Mapping[str, Any]) -> Iterator[str]:
    error = guest.get("error")
    if not error:
        return
    phase, message, hint = (str(error.get(key) or "") for key in ("phase", "msg", "hint"))
    yield ""
    yield f"FAILED {_name(guest)}" + (f" in phase: {printable(phase)}" if phase else "")
    lines = text_lines(message) or ["no reason was given"]
    # A message carries its hint at its end; what to do next gets a line of its own.
    if hint and lines[-1].endswith(_line(hint)):
        lines[-1] = lines[-1][: -len(_line(hint))].rstrip()
    yield from _labelled("cause:", [line for line in lines if line])
    yield from _labelled("next:", text_lines(hint))
    console = error.get("console") or ()
    tail: Iterable[str] = console.splitlines() if isinstance(console, str) else (str(line) for line in console)
    yield from _labelled("console:", [_line(line) for line in tail][-_CONSOLE_LINES:])


def _labelled(label: str, lines: Sequence[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        yield f"{_INDENT}{label if index == 0 else '':<8} {line}".rstrip()


def _name(guest: Mapping[str, Any]) -> str:
    return printable(str(guest.get("name", NONE)), _WIDEST)


def _line(text: str) -> str:
    """One line, its inner spaces kept: logs are aligned by them."""
    clean = "".join(character if character.isprintable() else " " for character in text.expandtabs())
    return clean[:1000].rstrip()
