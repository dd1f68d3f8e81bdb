#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: qemu_source
short_description: Let apt take QEMU from the distribution or from its backports
description:
  - Adds the backports of Debian 12 or 13 to apt's sources, from the mirror that the host itself uses and verified by
    the same key, and pins QEMU and its firmware to them. Every other package stays with the distribution.
  - Or takes that away again. What is installed is not changed, neither way.
  - Role P(burrow.vm.hypervisor#role) uses it, and installs QEMU afterwards.
author:
  - burrow.vm contributors (@burrow-vm)
options:
  origin:
    description: Where QEMU comes from. Releases without V(backports) of QEMU are refused.
    type: str
    required: true
    choices: [distribution, backports]
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.full
notes:
  - QEMU from Debian 12's backports comes without C(virtiofsd), which shares directories with guests. The role keeps the
    distribution's for it.
"""

EXAMPLES = r"""
- name: Take QEMU from backports
  burrow.vm.qemu_source:
    origin: backports
  when: ansible_facts['distribution'] == 'Debian'
"""

RETURN = r"""
qemu_source:
  description: Where apt takes QEMU from.
  returned: success
  type: dict
  contains:
    origin: {description: As O(origin)., returned: success, type: str}
    files:
      description: Our files in apt's configuration.
      returned: success
      type: list
      elements: str
actions:
  description: What was done, or would be.
  returned: success
  type: list
  elements: str
  sample: [write /etc/apt/preferences.d/burrow-backports.pref]
timings:
  description: Seconds per phase.
  returned: always
  type: dict
error:
  description: What went wrong.
  returned: failure
  type: dict
"""

from ansible_collections.burrow.vm.plugins.module_utils._resource.qemu_source import build
from ansible_collections.burrow.vm.plugins.module_utils._run import main as run


def main() -> None:
    run({"origin": {"type": "str", "required": True, "choices": ["distribution", "backports"]}}, build, "qemu_source")


if __name__ == "__main__":
    main()
