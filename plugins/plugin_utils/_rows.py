# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has registered for each guest, made into the rows that `report` shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.burrow.vm.plugins.plugin_utils._spec import reset_required
from ansible_collections.burrow.vm.plugins.plugin_utils._verdict import judge

# Registered result -> the phase its seconds belong to, in the order of the run.
_RESULTS = (
    ("__guest_image", "image"),
    ("__guest_seed", "seed"),
    ("__guest_disk", "disk"),
    ("__guest_domain", "domain"),
    ("__guest_ready", "answer"),
    ("__guest_sealed", "seal"),
)


def rows(hosts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per guest; a guest whose run failed has `error`."""
    return [_row(host) for host in hosts]


def _row(host: Mapping[str, Any]) -> dict[str, Any]:
    spec = _mapping(host, "__guest_spec")
    results = {key: _mapping(host, key) for key, _phase in _RESULTS}
    domain = _mapping(results["__guest_domain"], "domain") or _mapping(host, "__guest_status")
    row: dict[str, Any] = {
        "name": str(host["inventory_hostname"]),
        "state": domain.get("state"),
        "address": _mapping(_mapping(host, "__guest_ssh"), "ssh").get("address") or _first(domain.get("addresses")),
        "reach": _reach(host),
        "image": _mapping(domain, "metadata").get("image") or _mapping(spec, "image").get("name"),
        "accelerator": domain.get("accelerator"),
        "changes": [action for result in results.values() for action in result.get("actions") or ()],
        "timings": _timings(host, results),
    }
    for key, known in (("restart_required", []), ("reset_required", _from_metadata(spec, domain))):
        found = [field for result in results.values() for field in result.get(key) or ()]
        if found or known:
            row[key] = sorted({*found, *known})
    failure = _mapping(host, "__guest_failure")
    if failure:
        row["error"] = dict(failure)
    return {key: value for key, value in row.items() if value is not None}


def _reach(host: Mapping[str, Any]) -> Any:
    """`up` says how; `status` writes no ssh entry, so it names the one that `up` wrote."""
    running = _mapping(host, "__guest_status").get("state") == "running"
    written = _mapping(_mapping(host, "__guest_ssh"), "ssh").get("command")
    return written or (f"ssh {host['inventory_hostname']}" if running else None)


def _from_metadata(spec: Mapping[str, Any], domain: Mapping[str, Any]) -> list[str]:
    return reset_required(spec, _mapping(domain, "metadata")) if "stated" in spec else []


def _first(items: Any) -> Any:
    return next(iter(items or ()), None)


def _timings(host: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for key, phase in _RESULTS:
        spent = sum(_own_phases(results[key]).values())
        if spent >= 0.05:
            seconds[phase] = round(spent, 1)
    waited = judge(_mapping(host, "__guest_verdict")).waited
    if waited:
        seconds["cloud-init"] = float(waited)
    return seconds


def _own_phases(result: Mapping[str, Any]) -> dict[str, float]:
    """The phases of `_run`; a resource's own (a boot's) lie within them."""
    timings = _mapping(result, "timings")
    return {phase: timings[phase] for phase in ("lock", "observe", "apply", "verify") if phase in timings}


def _mapping(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


def messages(checks: Iterable[Mapping[str, Any]], guest: str) -> list[str]:
    """The failed checks of `preflight` that stop this guest: its own, and those of the whole host."""
    return [
        " ".join(str(check[key]).rstrip(".") + "." for key in ("reason", "remedy") if check.get(key))
        for check in checks
        if not check["ok"] and check["level"] == "error" and check.get("guest") in (None, "", guest)
    ]
