# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows AnsibleModule: parameters in, result or error out."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module

from ._apply import Resource, apply
from ._errors import BurrowError, HostError
from ._gateway.lock import locked

Build = Callable[[Mapping[str, Any]], Resource[Any]]

# Distributions ship libvirt-python for their own Python only.
_SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/bin/python")
_LIBVIRT_HINT = (
    "Install the distribution's package (python3-libvirt), or apply role burrow.vm.hypervisor to this host "
    "(playbook burrow.vm.prepare)."
)


class Timings:
    """Seconds per phase, returned with each result."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - start, 3)


def main(
    argument_spec: Mapping[str, Any],
    build: Build,
    noun: str,
    *,
    libvirt: bool = False,
    libvirt_required: bool = True,
    masked: Sequence[str] = (),
    **module_options: Any,
) -> None:
    """Run a module: observe, plan, and unless in check mode apply and observe again.

    libvirt: the module needs libvirt-python; it respawns under an interpreter that has it. When no interpreter has it
    the module fails, or goes on without where it is not libvirt_required.
    masked are options (no_log) whose values no output shows. module_options go to AnsibleModule (required_if and
    friends).
    """
    module = AnsibleModule(argument_spec=dict(argument_spec), supports_check_mode=True, **module_options)
    if libvirt:
        _need_libvirt(module, libvirt_required)
    _end_on_signals()
    timings = Timings()
    parameters = dict(module.params)
    _mask(module, masked)
    try:
        result = _converge(module, build(parameters), noun, timings)
    except BurrowError as error:
        _fail(module, error, timings)
    module.exit_json(**result)


def _converge(module: AnsibleModule, resource: Resource[Any], noun: str, timings: Timings) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        if resource.lock and not module.check_mode:
            with timings.phase("lock"):
                stack.enter_context(locked(resource.lock))
        with timings.phase("observe"):
            state = resource.observe()
        plan = resource.plan(state)
        for warning in plan.warnings:
            module.warn(warning)
        if plan.changed and not module.check_mode:
            with timings.phase("apply"):
                apply(plan, resource)
            with timings.phase("verify"):
                state = resource.observe()
        value = resource.result(state, plan, planned=module.check_mode)
    return {
        "changed": plan.changed,
        "actions": plan.sentences(),
        "diff": plan.diff(),
        **plan.facts,
        noun: value,
        "timings": {**timings.seconds, **_own_timings(resource)},
    }


def _own_timings(resource: Resource[Any]) -> Mapping[str, float]:
    """Phases that a resource measures itself (a build's, a boot's), where it does."""
    own: Mapping[str, float] = getattr(resource, "timings", {})
    return own


def _need_libvirt(module: AnsibleModule, required: bool) -> None:
    if importlib.util.find_spec("libvirt") is not None:
        return
    if not has_respawned():
        interpreter = probe_interpreters_for_module(list(_SYSTEM_PYTHONS), "libvirt")
        if interpreter:
            respawn_module(interpreter)
    if not required:
        return
    error = HostError("import libvirt", "libvirt-python", "no Python of this host has it", _LIBVIRT_HINT, "no_libvirt")
    _fail(module, error, Timings())


def _mask(module: AnsibleModule, options: Sequence[str]) -> None:
    """Withhold the options from the invocation that -vvv shows.

    Left to itself, no_log replaces each value inside a document wherever it occurs in the result: a 1 in a
    cloud-config makes asterisks of parts of a host key.
    """
    if not options:
        return
    for option in options:
        if module.params.get(option) is not None:
            module.params[option] = "(not shown)"
    module.no_log_values.clear()


def _fail(module: AnsibleModule, error: BurrowError, timings: Timings) -> NoReturn:
    further = dict(error.results)
    module.fail_json(
        msg=str(error),
        error={"code": error.code, "path": error.path, "hint": error.hint},
        timings={**timings.seconds, **further.pop("timings", {})},
        **further,
    )
    raise AssertionError("fail_json returned")


def _end_on_signals() -> None:
    """Let `finally` clean up when the run is ended: SIGTERM and SIGHUP raise, as SIGINT does."""

    def end(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
