#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: domain
short_description: Define, start, stop, change and remove libvirt domains
description:
  - Makes a libvirt domain (a virtual machine of QEMU) exist with a definition, in a state; or removes it.
  - What is not stated is not managed. A definition is compared option by option with what libvirt has; settings made
    by others survive, and UUID, MAC addresses and device addresses stay. What no option covers can be given as O(xml).
  - A running guest is never restarted without consent, see O(restart_policy). Disks, interfaces and
    devices of the host that come and go, a drive's media, a disk's limits, an interface's network, link and limits,
    forwards, the password of graphics, more O(cpus) and other O(memory) up to their maxima, O(title), O(description),
    O(metadata) and O(autostart) are changed while it runs, where it can take that.
  - Each of RV(actions) says whether it is done while the guest runs or needs its next start. When one that libvirt
    rejects comes after others they are taken back, or the error says what stays.
  - Any domain can be managed. Only a domain that this module created has its stamp (RV(domain.owned)), and only disks
    with the stamp of M(burrow.vm.disk) are removed with it.
author:
  - burrow.vm contributors (@burrow-vm)
requirements:
  - libvirt 8.0 or later, QEMU 6.2 or later
  - for O(filesystems), virtiofsd and the libvirt hook that role P(burrow.vm.hypervisor#role) installs
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.full
  - burrow.vm._libvirt
  - burrow.vm._libvirt.python
  - burrow.vm._store
  - burrow.vm._domain
  - burrow.vm._domain_lists
options:
  name:
    description:
      - The domain's name. 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or digit.
    type: str
    required: true
  state:
    description:
      - With V(present) the domain exists; whether it runs is left as it is.
      - With V(running) it runs as well. A paused guest is resumed, a suspended one goes on where it was, and one that
        crashed is powered off and started.
      - With V(paused) it is there with its memory, and its CPUs stand still.
      - With V(suspended) its memory is saved on the host's disk, and it does not run. It has to run before. A guest
        with O(filesystems) or devices of the host can't be saved.
      - With V(stopped) it exists and does not run. The guest is asked to shut down, by its agent where that is there,
        then by its power button, and powered off after O(timeout), see O(power_off). A suspended one stays as it is.
      - With V(absent) it does not exist, nor do its NVRAM, TPM state, saved state, the metadata of its snapshots and
        checkpoints, its console log, DHCP leases, and its disks that have our stamp. Other disks stay (RV(kept)), and
        then NVRAM and TPM state stay too. A running guest is powered off.
      - A transient domain is defined before anything is done to it that would not last, as when it is stopped.
    type: str
    choices: [present, running, paused, suspended, stopped, absent]
    default: present
  defaults:
    description:
      - Options that count only when the domain is created, and are never compared later.
      - It takes cpus, memory, accelerator, machine, cpu, firmware, kernel, interfaces and autostart, as the options of
        these names do.
    type: dict
  purge:
    description:
      - The lists from which goes what is not stated. Each must be stated, if only as C([]).
    type: list
    elements: str
    choices: [disks, interfaces, filesystems, hostdevs, serials, channels, graphics, video, sound, forwards]
  restart_policy:
    description:
      - What to do when a change of a running guest needs a restart. The refusal says why, where that is not plain.
      - With V(refuse) the module fails before it changes anything.
      - With V(defer) the definition is changed; RV(restart_required) names what the guest lacks until it was restarted.
      - With V(now) the guest is shut down and started again.
    type: str
    choices: [refuse, defer, now]
    default: refuse
  allow_recreate:
    description:
      - Consent to changes that define the domain anew. Disks, UUID, MAC addresses and metadata stay, all else goes.
    type: bool
    default: false
  owned_only:
    description:
      - Refuse a domain that has no stamp of this module.
    type: bool
    default: false
  power_off:
    description:
      - Consent to take the power of a guest that does not shut down within O(timeout). With V(false) the module fails,
        and the guest runs on.
      - Removing a domain that runs takes its power, so that V(false) contradicts it.
    type: bool
    default: true
  timeout:
    description:
      - Seconds that a guest has to shut down before it is powered off. One with an agent has as much again, since it is
        first asked by that.
      - Seconds that it has to let go of a device that is taken away while it runs, or of memory. One that doesn't fails
        the task, and its definition stays as it was.
    type: int
    default: 60
seealso:
  - module: burrow.vm.domain_info
  - module: burrow.vm.disk
  - module: burrow.vm.network
"""

EXAMPLES = r"""
- name: Have a domain that runs
  burrow.vm.domain:
    name: work
    state: running
    disks:
      - name: root
        source: /var/lib/burrow/guests/work/root.qcow2

- name: Give it more, and restart it for that
  burrow.vm.domain:
    name: work
    cpus: 4
    memory: 8GiB
    interfaces:
      - source: burrow
    filesystems:
      - {tag: code, source: /srv/code, readonly: true}
    forwards:
      - {host_port: 8080, guest_port: 80}
    restart_policy: now

- name: Have a domain that can be a hypervisor itself, with devices to hand on
  burrow.vm.domain:
    name: work
    iommu: intel
    vsock: {cid: auto}
    pcie_root_ports: 16
    xml: |
      <domain>
        <devices>
          <watchdog model="i6300esb" action="reset"/>
          <video><model type="bochs"/></video>
        </devices>
      </domain>
    restart_policy: now

- name: Have a domain with room to grow, pinned to two NUMA nodes' worth of CPUs, that starts signed software only
  burrow.vm.domain:
    name: secure
    cpus: 4
    cpus_maximum: 8
    cpu:
      topology: {sockets: 2, cores: 4}
      pinning: {0: 2, 1: 3, 2: 4, 3: 5, emulator: 0-1}
    memory: 8GiB
    memory_maximum: 16GiB
    numa:
      - {cpus: 0-3, memory: 8GiB}
      - {cpus: 4-7, memory: 8GiB}
    firmware: efi
    secure_boot: true
    tpm: emulator
    watchdog: {model: i6300esb, action: reset}
    clock: {timezone: Europe/Berlin}
    title: The one with the keys

- name: Take over what somebody made with virt-install, and put another disc into its drive
  burrow.vm.domain:
    name: theirs
    disks:
      - {name: vda, source: /srv/vm/theirs.qcow2, cache: none}
      - {name: sda, source: /srv/iso/drivers.iso}

- name: Have a domain with a screen, a stick and a graphics card of the host, which installs itself from a disc
  burrow.vm.domain:
    name: desk
    state: running
    disks:
      - {name: root, source: /srv/vm/desk.qcow2, boot_order: 1}
      - {name: install, device: cdrom, source: /srv/iso/install.iso, boot_order: 2}
    interfaces:
      - {type: direct, source: eth0}
    graphics:
      - {type: vnc, password: "{{ vault_desk_password }}"}
    sound:
      - {model: ich9, audio: pulseaudio}
    hostdevs:
      - {pci: "0000:01:00.0"}
      - {usb: "046d:c52b"}

- name: Take all forwards away at the next start
  burrow.vm.domain:
    name: work
    forwards: []
    purge: [forwards]
    restart_policy: defer

- name: Shut it down
  burrow.vm.domain:
    name: work
    state: stopped

- name: Save its memory on disk, so that the host can be restarted
  burrow.vm.domain:
    name: work
    state: suspended

- name: Remove it with the disks that burrow.vm.disk made
  burrow.vm.domain:
    name: work
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode what would be, in sentences.
  returned: success
  type: list
  elements: str
  sample: ['create domain work (2 CPUs, 2 GiB, kvm)', start domain work]
domain:
  description: The domain after the run, or in check mode as it would be. Of an absent one only name and state.
  returned: success
  type: dict
  contains:
    name: {description: Its name., returned: always, type: str}
    state:
      description:
        V(running), V(paused), V(pmsuspended), V(suspended), V(stopped), V(crashed) or V(absent).
      returned: always
      type: str
    uuid:
      {description: 'Its UUID; V((known after apply\)) when check mode would create it.', returned: success, type: str}
    owned: {description: Whether it has our stamp., returned: success, type: bool}
    created: {description: 'When it was created, as ISO 8601.', returned: success, type: str}
    accelerator: {description: V(kvm) or V(tcg)., returned: success, type: str}
    cpus: {description: Virtual CPUs., returned: success, type: int}
    cpus_maximum: {description: The most virtual CPUs; null when it is C(cpus)., returned: success, type: int}
    memory: {description: Memory in bytes., returned: success, type: int}
    memory_maximum: {description: The most memory in bytes; null when it is C(memory)., returned: success, type: int}
    memory_backing:
      {description: 'How the host holds it; pages are in bytes, what is absent is null.', returned: success, type: dict}
    numa: {description: Its NUMA cells with memory in bytes or null., returned: success, type: list, elements: dict}
    architecture: {description: 'Its architecture, as libvirt names it.', returned: success, type: str}
    machine: {description: The machine type., returned: success, type: str}
    cpu: {description: The CPU., returned: success, type: dict}
    firmware: {description: V(efi) or V(bios); null with a kernel., returned: success, type: str}
    secure_boot: {description: Whether it has Secure Boot; null without UEFI., returned: success, type: bool}
    kernel: {description: The kernel or null., returned: success, type: dict}
    iommu: {description: The model of its IOMMU or null., returned: success, type: str}
    vsock: {description: 'Its vsock device as in O(vsock), or null.', returned: success, type: dict}
    tpm: {description: The kind of its TPM or null., returned: success, type: str}
    watchdog: {description: Its watchdog or null., returned: success, type: dict}
    balloon: {description: The model of its memory balloon., returned: success, type: str}
    rng: {description: Where its randomness comes from or null., returned: success, type: str}
    clock: {description: Its hardware clock., returned: success, type: dict}
    on_poweroff: {description: What happens when it powers off., returned: success, type: str}
    on_reboot: {description: What happens when it reboots., returned: success, type: str}
    on_crash: {description: What happens when it crashes., returned: success, type: str}
    title: {description: Its title or null., returned: success, type: str}
    description: {description: Its description or null., returned: success, type: str}
    qemu_commandline: {description: Further arguments for QEMU., returned: success, type: list, elements: str}
    pcie_root_ports: {description: The number of its PCI Express root ports or null., returned: success, type: int}
    disks: {description: 'Its disks, with the keys of O(disks).', returned: success, type: list, elements: dict}
    interfaces:
      {description: 'Its interfaces, with the keys of O(interfaces).', returned: success, type: list, elements: dict}
    filesystems:
      description: Its shares, with the keys of O(filesystems) and the C(real) path of each that the hook binds.
      returned: success
      type: list
      elements: dict
    hostdevs:
      {description: 'Its devices of the host, as in O(hostdevs).', returned: success, type: list, elements: dict}
    serials:
      {description: 'Its serial ports, with the keys of O(serials).', returned: success, type: list, elements: dict}
    channels:
      {description: 'Its channels, with the keys of O(channels).', returned: success, type: list, elements: dict}
    graphics:
      {description: 'Its graphics without passwords, as in O(graphics).', returned: success, type: list, elements: dict}
    video:
      {description: 'Its video devices, with the keys of O(video).', returned: success, type: list, elements: dict}
    sound:
      {description: 'Its sound devices, with the keys of O(sound).', returned: success, type: list, elements: dict}
    forwards: {description: 'Its forwards, as in O(forwards).', returned: success, type: list, elements: dict}
    console_log: {description: The file of the console., returned: success, type: str}
    autostart: {description: Whether libvirt starts it with the host., returned: success, type: bool}
    metadata: {description: 'The notes, with the keys of O(metadata).', returned: success, type: dict}
kept:
  description:
    - The disks of a removed domain that stay, since they have no stamp of M(burrow.vm.disk). One with external
      snapshots is named twice, by the file it had before them and by the one that the guest wrote last.
  returned: when O(state) is V(absent)
  type: list
  elements: str
  sample: [/srv/data.qcow2]
restart_required:
  description: The options in which the running guest differs from what was asked for until it is restarted.
  returned: when O(state) is not V(absent)
  type: list
  elements: str
  sample: [memory]
timings:
  description: Seconds per phase.
  returned: always
  type: dict
  sample: {observe: 0.02, apply: 0.4, verify: 0.02}
error:
  description: What was wrong, for programs.
  returned: on failure
  type: dict
  contains:
    code:
      description:
        V(invalid), V(not_owned), V(restart_required), V(recreate_required), V(contradiction), V(xml_not_kept),
        V(no_vsock), V(no_emulator), V(detach_timeout), V(balloon_timeout), V(shutdown_timeout), V(not_suspendable),
        V(in_use), V(no_network), V(changed_meanwhile), V(libvirt) and others.
      returned: always
      type: str
    path: {description: The option or object that it is about., returned: always, type: str}
    hint: {description: What to do., returned: always, type: str}
"""

from ansible_collections.burrow.vm.plugins.module_utils import _run
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import OPTIONS
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain import build


def main() -> None:
    _run.main(OPTIONS, build, "domain", libvirt=True, masked=["graphics"], mutually_exclusive=[("firmware", "kernel")])


if __name__ == "__main__":
    main()
