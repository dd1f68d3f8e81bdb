# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a login to the guest and cloud-init's own status say: fine, or a sentence that says why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.burrow.vm.plugins.plugin_utils._text import printable

# What the guest sends is untrusted: bounded, and parsed as data only.
_MOST = 64 * 1024
_LOG_LINES = 8

_OTHER_KEY = (
    "the guest shows another host key than the pinned one",
    "Somebody else answers at this address, or it made itself new keys. Was it rebuilt? Run playbook burrow.vm.reset.",
)
_NO_KEY = (
    "the guest's SSH server takes none of the caller's keys",
    "burrow_authorized_keys must name a key that ssh can use without a prompt; playbook burrow.vm.reset applies it.",
)
# The first text that ssh's message contains decides (the wording of OpenSSH 9).
_LOGIN_FAILURES = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", _OTHER_KEY),
    ("Host key verification failed", _OTHER_KEY),
    ("Permission denied", _NO_KEY),
)


@dataclass(frozen=True)
class Verdict:
    """status as cloud-init names it; problem is empty when all is well. waited: seconds in the guest."""

    problem: str = ""
    warnings: tuple[str, ...] = ()
    waited: int = 0
    status: str = ""


@dataclass
class _Answer:
    status: Mapping[str, Any] = field(default_factory=dict)
    waited: int = 0
    log: list[str] = field(default_factory=list)


def judge(result: Mapping[str, Any]) -> Verdict:
    """Judge the result of the task that ran cloud-init-verdict.sh in the guest."""
    answer = _read(str(result.get("stdout") or "")[:_MOST])
    if not answer.status:
        return Verdict(_login_problem(result))
    status = str(answer.status.get("status", ""))
    problem = ""
    if status in ("error", "degraded") or answer.status.get("errors"):
        problem = _failed(answer)
    elif status != "done":
        problem = _STATUS_PROBLEMS.get(status, f"cloud-init's status is {printable(status, 40)!r} instead of 'done'.")
    elif "nocloud" not in f"{answer.status.get('detail')} {answer.status.get('datasource')}".lower():
        problem = _NO_SEED
    return Verdict(problem, tuple(_recoverable(answer)), answer.waited, printable(status, 40))


_NO_SEED = (
    "cloud-init ended without having seen the guest's seed, so none of the guest's settings were applied. "
    "The image's cloud-init needs datasource NoCloud and a virtio disk driver."
)
_STATUS_PROBLEMS = {
    "absent": "the image has no cloud-init, so none of the guest's settings were applied. Use a cloud image.",
    "disabled": _NO_SEED,
    "not run": _NO_SEED,
    "not started": _NO_SEED,
}


def _read(text: str) -> _Answer:
    answer = _Answer()
    for line in text.splitlines():
        marker, _colon, value = line.partition(": ")
        if marker == "burrow-status":
            answer.status = _document(value)
        elif marker == "burrow-waited" and value.strip().isdigit():
            answer.waited = int(value.strip()[:6])
        elif marker == "burrow-log":
            answer.log.append(printable(value, 200))
    return answer


def _document(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _failed(answer: _Answer) -> str:
    errors = [printable(str(error), 300) for error in _sequence(answer.status.get("errors"))[:5]]
    cause = "; ".join(errors) or f"status {printable(str(answer.status.get('status')), 40)}"
    tail = "".join(f"\n  {line}" for line in answer.log[-_LOG_LINES:])
    log = f" The end of its output:{tail}" if tail else ""
    remedy = "Mend burrow_cloud_config or the script it names, then run playbook burrow.vm.reset."
    return f"cloud-init failed: {cause}. {remedy}{log}"


def _recoverable(answer: _Answer) -> list[str]:
    found = answer.status.get("recoverable_errors")
    if not isinstance(found, dict):
        return []
    return [printable(str(message), 300) for messages in found.values() for message in _sequence(messages)][:5]


def _sequence(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _login_problem(result: Mapping[str, Any]) -> str:
    said = " ".join(str(result.get(key) or "") for key in ("msg", "stderr", "stdout"))[:_MOST]
    for text, (problem, hint) in _LOGIN_FAILURES:
        if text in said:
            return f"login failed: {problem}. {hint}"
    if "timed out" in said.lower() and not result.get("unreachable"):
        return (
            "cloud-init did not end within the deadline. Raise burrow_timeout, or look at what it waits for "
            "with playbook burrow.vm.logs."
        )
    return f"login failed: {printable(said.strip(), 400) or 'no answer'}. Playbook burrow.vm.logs shows the console."
