# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of a VM profile."""

from __future__ import annotations

DOCUMENTATION = """
name: profile
author: burrow.vm contributors (@burrow-vm)
short_description: Find a VM profile
description:
  - A profile is a role that says in C(vars/guest.yml) what VM it wants (the keys of a guest without C(burrow_)),
    and whose tasks provision it.
  - The name V(dev) is role C(profile_dev) or C(dev) in a C(roles) directory beside the playbook or the inventory
    or in Ansible's roles path, else role C(profile_dev) of this collection. A role of any other collection is
    named in full.
  - A role without the prefix C(profile_) counts only if it has C(vars/guest.yml).
options:
  _terms:
    description: Names of profiles.
    type: list
    elements: str
    required: true
  on_error:
    description:
      - What happens when there is no such profile. V(return) returns the error, which filter
        P(burrow.vm.guest_spec#filter) then treats as one of the guest's wrong variables.
    type: str
    choices: [raise, return]
    default: raise
seealso:
  - plugin: burrow.vm.guest_spec
    plugin_type: filter
"""

EXAMPLES = """
- name: Show what the development profile is
  ansible.builtin.debug:
    msg: "{{ lookup('burrow.vm.profile', 'dev') }}"
"""

RETURN = """
_raw:
  description:
    - For each name a mapping with V(name), V(role) (what C(include_role) is given), V(path), V(guest) (what VM
      the profile wants) and V(digest) (over all files of the role).
  type: list
  elements: dict
"""

import os
from collections.abc import Mapping
from typing import Any, Optional

from ansible import constants as C  # noqa: N812 (Ansible's own name for it)
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.plugin_utils import _profile


class LookupModule(LookupBase):
    """Finds profiles by their names."""

    def run(
        self, terms: list[Any], variables: Optional[Mapping[str, Any]] = None, **kwargs: Any
    ) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        directories = _directories(variables or {})
        return [self._found(str(term), directories) for term in terms]

    def _found(self, name: str, directories: list[str]) -> dict[str, Any]:
        try:
            return self._profile(name, directories)
        except SpecError as error:
            if self.get_option("on_error") == "raise":
                raise AnsibleLookupError(str(error)) from error
            return {"name": name, "error": {"path": error.path, "problem": error.problem, "hint": error.hint}}

    def _profile(self, name: str, directories: list[str]) -> dict[str, Any]:
        profile = _profile.find(name, directories)
        guest: Mapping[str, Any] = {}
        if profile.guest_file:
            document = self._loader.load_from_file(profile.guest_file, trusted_as_template=True)
            guest = self._templar.template(document) or {}
            if not isinstance(guest, Mapping):
                raise SpecError(profile.guest_file, "it is not a mapping", "Write `cpus: 4` and the like.")
        return {
            "name": profile.name,
            "role": profile.role,
            "path": profile.path,
            "guest": guest,
            "digest": _profile.digest(profile.path),
        }


def _directories(variables: Mapping[str, Any]) -> list[str]:
    """Where the user's own roles lie; playbooks of a collection have no roles beside them, the inventory may."""
    beside = [str(variables[key]) for key in ("playbook_dir", "inventory_dir") if variables.get(key)]
    return [os.path.join(directory, "roles") for directory in beside] + [str(path) for path in C.DEFAULT_ROLES_PATH]
