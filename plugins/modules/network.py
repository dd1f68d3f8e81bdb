#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: Make, change and remove libvirt networks
description:
  - Makes a libvirt network with a bridge of its own exist and be active, with NAT to the outside or isolated; or
    removes it.
  - What is not stated is not managed. Settings made by others (DHCP reservations, DNS entries) survive.
author:
  - burrow.vm contributors (@burrow-vm)
requirements:
  - dnsmasq on the host (package C(dnsmasq-base) on Debian and Ubuntu)
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.full
  - burrow.vm._libvirt
  - burrow.vm._libvirt.python
  - burrow.vm._store
options:
  name:
    description:
      - The network's name. 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or digit.
    type: str
    required: true
  state:
    description:
      - With V(present) the network exists and is active.
      - With V(absent) it does not exist. Only a network that this module made (RV(network.owned)) is removed.
    type: str
    choices: [present, absent]
    default: present
  mode:
    description:
      - With V(nat) guests reach what the host reaches, by its address. With V(isolated) they reach the host and each
        other.
      - A new network gets V(nat) when nothing is stated.
    type: str
    choices: [nat, isolated]
  subnet:
    description:
      - The private IPv4 subnet, as in V(10.77.0.0/24). Its first address is the host's.
      - A new network gets the first C(/24) that neither a route of the host nor another network overlaps, and keeps it.
    type: str
  dhcp:
    description:
      - Whether guests get their addresses by DHCP. A new network does when nothing is stated.
    type: bool
  autostart:
    description:
      - Whether the network starts with the host.
    type: bool
    default: true
  restart_policy:
    description:
      - Changing O(mode), O(subnet) or O(dhcp) restarts the network, and running guests lose their connection to it
        until they are restarted.
      - With V(refuse) that fails while guests run in the network, before anything is changed. With V(now) it is done.
    type: str
    choices: [refuse, now]
    default: refuse
  data:
    description:
      - The collection's data directory. Its locks keep two runs from choosing the same subnet.
seealso:
  - module: burrow.vm.domain
"""

EXAMPLES = r"""
- name: Have a network with NAT on a free subnet
  burrow.vm.network:
    name: burrow

- name: Have an isolated one
  burrow.vm.network:
    name: lab
    mode: isolated
    subnet: 10.99.5.0/24

- name: Remove it
  burrow.vm.network:
    name: lab
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode what would be, in sentences.
  returned: success
  type: list
  elements: str
  sample: [create NAT network burrow (10.77.0.0/24), start network burrow]
network:
  description: The network after the run, or in check mode as it would be. Of an absent one only name and state.
  returned: success
  type: dict
  contains:
    name: {description: Its name., returned: always, type: str}
    state: {description: V(present) or V(absent)., returned: always, type: str}
    uuid: {description: 'Its UUID; V((known after apply\)) before it is made.', returned: success, type: str}
    mode: {description: 'V(nat), V(isolated), or another of libvirt.', returned: success, type: str}
    subnet: {description: Its subnet., returned: success, type: str, sample: 10.77.0.0/24}
    address: {description: The host's address in it., returned: success, type: str, sample: 10.77.0.1}
    bridge: {description: The bridge on the host., returned: success, type: str, sample: virbr1}
    dhcp: {description: Whether it has DHCP., returned: success, type: bool}
    autostart: {description: Whether it starts with the host., returned: success, type: bool}
    active: {description: Whether it is active., returned: success, type: bool}
    owned: {description: Whether this module made it., returned: success, type: bool}
timings:
  description: Seconds per phase.
  returned: always
  type: dict
  sample: {observe: 0.01, apply: 0.6, verify: 0.01}
error:
  description: What was wrong, for programs.
  returned: on failure
  type: dict
  contains:
    code: {description: 'V(invalid), V(not_owned), V(restart_required), V(libvirt) ...', returned: always, type: str}
    path: {description: The option or object that it is about., returned: always, type: str}
    hint: {description: What to do., returned: always, type: str}
"""

from ansible_collections.burrow.vm.plugins.module_utils import _run
from ansible_collections.burrow.vm.plugins.module_utils._model.arguments import LIBVIRT, STORE
from ansible_collections.burrow.vm.plugins.module_utils._model.network import MODES, POLICIES, STATES
from ansible_collections.burrow.vm.plugins.module_utils._resource.network import build


def main() -> None:
    _run.main(
        {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": list(STATES), "default": "present"},
            "mode": {"type": "str", "choices": list(MODES)},
            "subnet": {"type": "str"},
            "dhcp": {"type": "bool"},
            "autostart": {"type": "bool", "default": True},
            "restart_policy": {"type": "str", "choices": list(POLICIES), "default": "refuse"},
            **LIBVIRT,
            **STORE,
        },
        build,
        "network",
        libvirt=True,
    )


if __name__ == "__main__":
    main()
