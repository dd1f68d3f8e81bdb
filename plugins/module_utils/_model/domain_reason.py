# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's reasons for a domain's state, and its kinds of block jobs, as words."""

from __future__ import annotations

# By virDomainState, the reasons in the order of their numbers, which are another enumeration for each state.
_REASONS = (
    "unknown",
    "unknown booted migrated restored from_snapshot unpaused migration_canceled save_canceled wakeup crashed postcopy"
    " postcopy_failed",
    "unknown",
    "unknown user migration save dump ioerror watchdog from_snapshot shutting_down snapshot crashed starting_up"
    " postcopy postcopy_failed api_error",
    "unknown user",
    "unknown shutdown destroyed crashed migrated saved failed from_snapshot daemon",
    "unknown panicked",
    "unknown",
)
# virDomainBlockJobType
_JOBS = ("unknown", "pull", "copy", "commit", "active_commit", "backup")


def reason_word(state: int, reason: int) -> str:
    """Why the domain is in that state; a later libvirt may know more reasons."""
    return _word(tuple(_word(_REASONS, state).split()), reason)


def job_word(number: int) -> str:
    return _word(_JOBS, number)


def _word(words: tuple[str, ...], number: int) -> str:
    return words[number] if 0 <= number < len(words) else "unknown"
