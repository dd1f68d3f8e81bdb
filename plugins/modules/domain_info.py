#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_info
short_description: Tell what libvirt domains there are
description:
  - Returns the domains of a hypervisor, each in the shape that M(burrow.vm.domain) returns, with the addresses of
    running guests.
author:
  - burrow.vm contributors (@burrow-vm)
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.read_only
  - burrow.vm._libvirt
  - burrow.vm._libvirt.python
options:
  name:
    description:
      - Only the domain of this name. When there is none, the list is empty.
    type: str
  owned_only:
    description:
      - Only domains with the stamp of M(burrow.vm.domain).
    type: bool
    default: false
seealso:
  - module: burrow.vm.domain
"""

EXAMPLES = r"""
- name: Look at all domains
  burrow.vm.domain_info:
  register: found

- name: Show which of ours run, and where
  ansible.builtin.debug:
    msg: "{{ item.name }} {{ item.state }} {{ item.addresses | join(' ') }}"
  loop: "{{ found.domains | selectattr('owned') }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
domains:
  description: The domains, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Its name., returned: always, type: str}
    state:
      description: V(running), V(paused), V(pmsuspended), V(stopped) or V(crashed).
      returned: always
      type: str
    uuid: {description: Its UUID., returned: always, type: str}
    addresses:
      description: The guest's addresses, from DHCP leases or else the host's ARP table; none when it does not run.
      returned: always
      type: list
      elements: str
    owned: {description: Whether it has our stamp., returned: always, type: bool}
    created: {description: 'When it was created, as ISO 8601; null without our stamp.', returned: always, type: str}
    accelerator: {description: V(kvm) or V(tcg)., returned: always, type: str}
    cpus: {description: Virtual CPUs., returned: always, type: int}
    cpus_maximum: {description: The most virtual CPUs; null when it is C(cpus)., returned: always, type: int}
    memory: {description: Memory in bytes., returned: always, type: int}
    memory_maximum: {description: The most memory in bytes; null when it is C(memory)., returned: always, type: int}
    memory_backing:
      {description: 'How the host holds it; pages are in bytes, what is absent is null.', returned: always, type: dict}
    numa: {description: Its NUMA cells with memory in bytes or null., returned: always, type: list, elements: dict}
    machine: {description: The machine type., returned: always, type: str}
    cpu: {description: The CPU., returned: always, type: dict}
    firmware: {description: V(efi) or V(bios); null with a kernel., returned: always, type: str}
    kernel: {description: The kernel or null., returned: always, type: dict}
    iommu: {description: The model of its IOMMU or null., returned: always, type: str}
    vsock: {description: 'Its vsock device as M(burrow.vm.domain) takes it, or null.', returned: always, type: dict}
    pcie_root_ports: {description: The number of its PCI Express root ports or null., returned: always, type: int}
    disks: {description: Its disks., returned: always, type: list, elements: dict}
    interfaces: {description: Its interfaces., returned: always, type: list, elements: dict}
    filesystems: {description: Its shares., returned: always, type: list, elements: dict}
    forwards: {description: Its forwards., returned: always, type: list, elements: dict}
    console_log: {description: The file of the console., returned: always, type: str}
    autostart: {description: Whether libvirt starts it with the host., returned: always, type: bool}
    metadata: {description: The notes in its metadata., returned: always, type: dict}
timings:
  description: Seconds per phase.
  returned: always
  type: dict
  sample: {observe: 0.02}
"""

from ansible_collections.burrow.vm.plugins.module_utils import _run
from ansible_collections.burrow.vm.plugins.module_utils._model.arguments import LIBVIRT
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_info import build


def main() -> None:
    _run.main(
        {
            "name": {"type": "str"},
            "owned_only": {"type": "bool", "default": False},
            **LIBVIRT,
        },
        build,
        "domains",
        libvirt=True,
    )


if __name__ == "__main__":
    main()
