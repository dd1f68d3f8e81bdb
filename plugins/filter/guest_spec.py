# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that make the arguments of the modules from a guest's variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Optional, TypeVar

from ansible.errors import AnsibleFilterError

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model import guest as model
from ansible_collections.burrow.vm.plugins.module_utils._model.paths import DATA
from ansible_collections.burrow.vm.plugins.plugin_utils import _spec
from ansible_collections.burrow.vm.plugins.plugin_utils._plain import plain

Made = TypeVar("Made")

# Not RETURN: ansible-doc takes a constant of that name for documentation.
ERRORS = ("raise", "return")


def guest_spec(
    variables: Mapping[str, Any],
    name: str,
    *,
    profile: Optional[Mapping[str, Any]] = None,
    caller: Optional[Mapping[str, Any]] = None,
    hosts: Optional[Mapping[str, Any]] = None,
    data: str = DATA,
    errors: str = "raise",
) -> dict[str, Any]:
    if errors not in ERRORS:
        raise AnsibleFilterError(f"errors: {errors!r} is not known. Write one of: {', '.join(ERRORS)}.")
    guest = str(name)
    try:
        return _spec.build(variables, guest, profile=profile, caller=caller, hosts=hosts, data=str(data))
    except SpecError as error:
        if errors == "raise":
            raise AnsibleFilterError(str(error)) from error
        detail = {"code": error.code, "path": error.path, "hint": error.hint, "msg": str(error)}
        return {**_spec.partial(variables, guest), "error": detail}


def guest_domain(
    spec: Mapping[str, Any], image: Optional[Mapping[str, Any]] = None, host: Optional[Mapping[str, Any]] = None
) -> dict[str, Any]:
    return _named(lambda: _spec.domain(plain(spec), image, host))


def guest_profile(variables: Mapping[str, Any], name: str) -> str:
    """Wrong variables are guest_spec's to refuse, for all guests at once; they have no profile here."""
    try:
        return model.profile_name(model.strip_prefix(plain(variables)), str(name)) or ""
    except SpecError:
        return ""


def guest_reset_required(spec: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[str]:
    return _spec.reset_required(plain(spec), plain(metadata))


def vm_hosts(vms: Any) -> list[dict[str, Any]]:
    layers = _named(lambda: model.parse_vms(plain(vms)))
    return [
        {"name": name, "variables": {model.PREFIX + key: value for key, value in layer.values.items()}}
        for name, layer in layers.items()
    ]


def _named(make: Callable[[], Made]) -> Made:
    try:
        return make()
    except SpecError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file; each has its documentation beside it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "guest_spec": guest_spec,
            "guest_domain": guest_domain,
            "guest_profile": guest_profile,
            "guest_reset_required": guest_reset_required,
            "vm_hosts": vm_hosts,
        }
