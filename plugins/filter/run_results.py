# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters over what the tasks of a run returned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Callable

from ansible_collections.burrow.vm.plugins.plugin_utils import _access, _places, _rows, _verdict


def cloud_init_verdict(result: Mapping[str, Any]) -> dict[str, Any]:
    verdict = asdict(_verdict.judge(result))
    return {**verdict, "warnings": list(verdict["warnings"])}


def guest_rows(hosts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return _rows.rows(hosts)


def guest_places(hosts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return _places.places(hosts)


def check_messages(checks: Iterable[Mapping[str, Any]], guest: str) -> list[str]:
    return _rows.messages(checks, guest)


def access_problem(result: Mapping[str, Any]) -> str:
    return _access.problem(result)


class FilterModule:
    """The filters of this file; each has its documentation beside it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "access_problem": access_problem,
            "cloud_init_verdict": cloud_init_verdict,
            "guest_places": guest_places,
            "guest_rows": guest_rows,
            "check_messages": check_messages,
        }
