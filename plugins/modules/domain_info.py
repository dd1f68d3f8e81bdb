#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_info
short_description: Tell what libvirt domains there are
description:
  - Tells of one domain, of many or of all what they are, how they are, and what they take up; in one call.
  - It costs libvirt six calls for all, one for each domain, and a few more for each that runs.
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
  names:
    description:
      - Only the domains of these names. Those that there aren't are left out.
    type: list
    elements: str
  owned_only:
    description:
      - Only domains with the stamp of M(burrow.vm.domain).
    type: bool
    default: false
seealso:
  - module: burrow.vm.domain
  - module: burrow.vm.snapshot
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

- name: Name the guests that wait for a restart
  ansible.builtin.debug:
    msg: "{{ found.domains | selectattr('restart_required') | map(attribute='name') }}"

- name: Show the domains of a user's own libvirt
  burrow.vm.domain_info:
    uri: qemu:///session

- name: Look at two
  burrow.vm.domain_info:
    names: [work, play]
  register: found

- name: See what of one was changed since it was kept
  module_defaults:
    burrow.vm.domain: "{{ kept.domains[0].definition }}"
  burrow.vm.domain:
    name: work
  check_mode: true
  diff: true

- name: Give each twice the CPUs at its next start
  burrow.vm.domain:
    name: "{{ item.name }}"
    cpus: "{{ item.definition.cpus * 2 }}"
    restart_policy: defer
  loop: "{{ found.domains }}"
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
    reason:
      description:
        - Why it is in that state, in libvirt's words, as V(booted), V(user), V(ioerror), V(shutdown) or V(destroyed).
      returned: always
      type: str
    uuid: {description: Its UUID., returned: always, type: str}
    persistent: {description: Whether it is still there when it was stopped., returned: always, type: bool}
    managed_save:
      description: Whether its memory was saved, so that its next start goes on from there.
      returned: always
      type: bool
    addresses:
      description:
        - The guest's addresses, from DHCP leases, or else the host's ARP table, or else the guest agent; none when it
          does not run.
      returned: always
      type: list
      elements: str
    addresses_by_source:
      description:
        - All that is known of its addresses, by who tells it. The agent's word is the guest's own.
      returned: always
      type: dict
      contains:
        lease: {description: From libvirt's DHCP server., returned: always, type: list, elements: dict}
        arp: {description: From the host's ARP table., returned: always, type: list, elements: dict}
        agent:
          description: From the guest agent when it answers, without the guest's loopback.
          returned: always
          type: list
          elements: dict
      sample: {agent: [], arp: [], lease: [{address: 10.77.0.20, mac: '52:54:00:62:fd:51'}]}
    restart_required:
      description: The options in which the running guest differs from its definition until it is restarted.
      returned: always
      type: list
      elements: str
      sample: [memory]
    differences:
      description: What differs between the running guest and its definition.
      returned: always
      type: list
      elements: dict
      contains:
        path: {description: 'The option, as in RV(domains[].restart_required).', returned: always, type: str}
        live: {description: 'What the running guest has, or null.', returned: always, type: raw}
        persistent: {description: 'What its definition says, or null.', returned: always, type: raw}
        impact: {description: 'V(live), V(restart) or V(recreate).', returned: always, type: str}
    storage:
      description: What its disks take up.
      returned: always
      type: list
      elements: dict
      contains:
        name: {description: 'The disk, as in RV(domains[].disks).', returned: always, type: str}
        target: {description: What libvirt calls it., returned: always, type: str, sample: vda}
        source:
          description:
            - Its file, device or the like, of external snapshots the one that the guest writes; null of an empty drive.
          returned: always
          type: str
        capacity:
          description:
            - Bytes that the guest sees. Null, as are the two below, where libvirt can't tell, or not without waiting.
          returned: always
          type: int
        allocation: {description: Bytes that are in use., returned: always, type: int}
        physical: {description: Bytes of the file or device that holds it., returned: always, type: int}
        job:
          description:
            - The block job on it or null. C(type) is V(pull), V(copy), V(commit), V(active_commit) or V(backup).
              C(done) of C(end) is behind it. C(bandwidth) is its limit in bytes per second, 0 for none.
          returned: always
          type: dict
          sample: {bandwidth: 0, done: 1048576, end: 21474836480, type: active_commit}
    statistics:
      description: What the guest takes up now; null where libvirt can't tell.
      returned: always
      type: dict
      contains:
        cpus: {description: Virtual CPUs., returned: always, type: int}
        cpu_seconds: {description: CPU time since it was started., returned: always, type: float}
        memory: {description: 'Bytes of memory that it has, after ballooning.', returned: always, type: int}
        memory_resident: {description: Bytes of the host's memory that it holds., returned: always, type: int}
    snapshots:
      description: Its snapshots, as M(burrow.vm.snapshot) makes them.
      returned: always
      type: list
      elements: dict
      contains:
        name: {description: Its name., returned: always, type: str}
        kind:
          description: V(internal), or V(external) when part of it is a file of its own.
          returned: always
          type: str
        memory: {description: Whether it has the guest's memory., returned: always, type: bool}
        domain_state:
          description: The domain's state when it was made, V(disk-snapshot) for a running one without its memory.
          returned: always
          type: str
        created: {description: 'When it was made, in seconds since 1970.', returned: always, type: int}
        current: {description: Whether the domain rests on this one., returned: always, type: bool}
        parent: {description: The one before it or null., returned: always, type: str}
        description: {description: The line about it or null., returned: always, type: str}
        disks:
          description: What it holds of each disk. file is where the guest goes on after an external one.
          returned: always
          type: list
          elements: dict
          sample: [{name: root, kind: external, file: /x/root.nightly.qcow2}]
    definition:
      description:
        - The definition, in options of M(burrow.vm.domain), which then finds nothing to change. What no option can say,
          as a kind of interface that it doesn't know, is left out.
        - The keys below say it as M(burrow.vm.domain) returns it, with sizes in bytes and null for what there isn't.
      returned: always
      type: dict
      sample: {autostart: false, cpus: 2, memory: 2 GiB, name: work}
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
    architecture: {description: 'Its architecture, as libvirt names it.', returned: always, type: str}
    machine: {description: The machine type., returned: always, type: str}
    cpu: {description: The CPU., returned: always, type: dict}
    firmware: {description: V(efi) or V(bios); null with a kernel., returned: always, type: str}
    secure_boot: {description: Whether it has Secure Boot; null without UEFI., returned: always, type: bool}
    kernel: {description: The kernel or null., returned: always, type: dict}
    iommu: {description: The model of its IOMMU or null., returned: always, type: str}
    vsock: {description: 'Its vsock device as M(burrow.vm.domain) takes it, or null.', returned: always, type: dict}
    tpm: {description: The kind of its TPM or null., returned: always, type: str}
    watchdog: {description: Its watchdog or null., returned: always, type: dict}
    balloon: {description: The model of its memory balloon., returned: always, type: str}
    rng: {description: Where its randomness comes from or null., returned: always, type: str}
    clock: {description: Its hardware clock., returned: always, type: dict}
    on_poweroff: {description: What happens when it powers off., returned: always, type: str}
    on_reboot: {description: What happens when it reboots., returned: always, type: str}
    on_crash: {description: What happens when it crashes., returned: always, type: str}
    title: {description: Its title or null., returned: always, type: str}
    description: {description: Its description or null., returned: always, type: str}
    qemu_commandline: {description: Further arguments for QEMU., returned: always, type: list, elements: str}
    pcie_root_ports: {description: The number of its PCI Express root ports or null., returned: always, type: int}
    disks:
      description: Its disks, each with the file that it had before any external snapshot.
      returned: always
      type: list
      elements: dict
    interfaces: {description: Its interfaces., returned: always, type: list, elements: dict}
    filesystems: {description: Its shares., returned: always, type: list, elements: dict}
    hostdevs: {description: 'Its devices of the host.', returned: always, type: list, elements: dict}
    serials: {description: 'Its serial ports.', returned: always, type: list, elements: dict}
    channels: {description: 'Its channels.', returned: always, type: list, elements: dict}
    graphics: {description: 'Its graphics, without passwords.', returned: always, type: list, elements: dict}
    video: {description: 'Its video devices.', returned: always, type: list, elements: dict}
    sound: {description: 'Its sound devices.', returned: always, type: list, elements: dict}
    forwards: {description: Its forwards., returned: always, type: list, elements: dict}
    console_log: {description: The file of the console., returned: always, type: str}
    autostart: {description: Whether libvirt starts it with the host., returned: always, type: bool}
    metadata: {description: The notes in its metadata., returned: always, type: dict}
timings:
  description: Seconds per phase.
  returned: always
  type: dict
  sample: {observe: 0.02}
error:
  description: What was wrong, for programs.
  returned: on failure
  type: dict
  contains:
    code:
      description: V(invalid), V(libvirt_unreachable), V(old_libvirt), V(no_libvirt) or V(libvirt).
      returned: always
      type: str
    path: {description: The option or object that it is about., returned: always, type: str}
    hint: {description: What to do., returned: always, type: str}
"""

from ansible_collections.burrow.vm.plugins.module_utils import _run
from ansible_collections.burrow.vm.plugins.module_utils._model.arguments import LIBVIRT
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_info import build


def main() -> None:
    _run.main(
        {
            "name": {"type": "str"},
            "names": {"type": "list", "elements": "str"},
            "owned_only": {"type": "bool", "default": False},
            **LIBVIRT,
        },
        build,
        "domains",
        libvirt=True,
        mutually_exclusive=[("name", "names")],
    )


if __name__ == "__main__":
    main()
