# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to the collection: what can be said of a domain besides its lists of devices."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  cpus:
    description:
      - The number of virtual CPUs that the guest starts with. A new domain gets V(2) when nothing is stated.
      - More than the domain's maximum raises that, when O(cpus_maximum) is not stated.
    type: int
  cpus_maximum:
    description:
      - How many virtual CPUs the guest can have. It is O(cpus) when nothing is stated.
    type: int
  memory:
    description:
      - The guest's memory, with its unit, as in V(8GiB) or V(512M); 256 MiB or more. All units are binary.
      - A new domain gets 2 GiB when nothing is stated. More than the domain's maximum raises that, when
        O(memory_maximum) is not stated.
    type: str
  memory_maximum:
    description:
      - The most memory that the guest can have, as O(memory) is written, and what its hardware has. The guest's balloon
        driver gives back what is more than O(memory). It is O(memory) when nothing is stated.
    type: str
  memory_backing:
    description:
      - How the host holds the guest's memory.
    type: dict
    suboptions:
      hugepages:
        description:
          - The size of its pages, as in V(2MiB) or V(1GiB). V(default) is the size that the host's kernel uses by
            default, V(none) means ordinary pages. The host must have set enough of them aside.
        type: str
      locked:
        description: [Whether the host never swaps it out.]
        type: bool
      shared:
        description:
          - Whether other processes of the host can map it, as vhost-user devices need. O(filesystems) set this by
            themselves.
        type: bool
  numa:
    description:
      - NUMA cells of the guest, in their order. Together they have all its CPUs and all its memory, the maximum of both
        where there is one. V([]) takes them away.
    type: list
    elements: dict
    suboptions:
      cpus:
        description: ['The CPUs of the cell, as in V(0-3,8).']
        type: str
        required: true
      memory:
        description: ['Its memory, as in V(4GiB).']
        type: str
        required: true
  accelerator:
    description:
      - With V(kvm) the host's CPU runs the guest, with V(tcg) QEMU emulates one.
      - With V(auto) a new domain gets KVM when it can really run a guest here (C(/dev/kvm) opens and the CPU shows
        C(vmx) or C(svm)), and TCG otherwise. An existing domain stays as it is.
      - When nothing is stated, it is as with V(auto).
    type: str
    choices: [auto, kvm, tcg]
  architecture:
    description:
      - The architecture of the guest's CPU. A new domain has the host's when nothing is stated. Of another one the
        emulator must be on the host, and O(accelerator) is V(tcg).
      - Changing it needs O(allow_recreate).
    type: str
    choices: [x86_64, aarch64]
  machine:
    description:
      - The machine type. A new domain gets V(q35) (V(virt) on Arm) when nothing is stated. An alias stands for the
        version that the domain has.
      - Changing it needs O(allow_recreate).
    type: str
  cpu:
    description:
      - The CPU that the guest sees.
    type: dict
    suboptions:
      mode:
        description:
          - A new domain gets V(host-passthrough) with KVM and V(maximum) with TCG when nothing is stated. Both show the
            guest a CPU that can run guests of its own, with KVM where the host's module C(kvm_intel) or C(kvm_amd) has
            C(nested) on.
          - With V(custom) it is that of O(cpu.model).
        type: str
        choices: [maximum, host-passthrough, host-model, custom]
      model:
        description:
          - A model of CPU by its name, as in C(virsh cpu-models x86_64). It makes O(cpu.mode) V(custom).
        type: str
      require:
        description: [Features that it must have. The guest does not start where they can't be had.]
        type: list
        elements: str
      disable:
        description:
          - Features to take from it. Features disabled by others stay so.
          - A new domain under TCG of QEMU before 10.0 gets V(cx16) when nothing is stated, because that emulates it
            wrongly and newer Linux kernels crash.
        type: list
        elements: str
      force:
        description: [Features that the guest is told to have, whether the host's CPU has them or not.]
        type: list
        elements: str
      topology:
        description:
          - How its CPUs are arranged. The product must be O(cpus_maximum), or O(cpus) without one. It is stated whole;
            V({}) takes it away.
        type: dict
        suboptions:
          sockets:
            description: [The number of sockets; 1 when it is not stated.]
            type: int
          dies:
            description: [The number of dies of a socket; 1 when it is not stated.]
            type: int
          cores:
            description: [The number of cores of a die; 1 when it is not stated.]
            type: int
          threads:
            description: [The number of threads of a core; 1 when it is not stated.]
            type: int
      pinning:
        description:
          - "The host's CPUs that each of the guest's runs on, as in V({0: 2, 1: 3, emulator: 0-1}). QEMU's other
            threads run on those of C(emulator). It is stated whole; V({}) takes it away."
        type: dict
  firmware:
    description:
      - How the guest boots. A new domain without O(kernel) gets V(efi) (without Secure Boot) when nothing is stated.
      - Changing it needs O(allow_recreate).
    type: str
    choices: [efi, bios]
  secure_boot:
    description:
      - Whether the firmware starts signed software only, by the keys of Microsoft and the distributions that the host's
        firmware package enrols. It needs O(firmware=efi), and O(machine=q35) on x86_64. A new domain has none when
        nothing is stated.
      - Changing it needs O(allow_recreate), and makes the NVRAM anew.
    type: bool
  kernel:
    description:
      - Starts a kernel from a file of the host instead of firmware.
    type: dict
    suboptions:
      path:
        description: [The kernel's file.]
        type: path
        required: true
      initrd:
        description: [The file of its initial RAM disk.]
        type: path
      cmdline:
        description: [Its command line.]
        type: str
  iommu:
    description:
      - An emulated IOMMU, with which the guest can protect itself from devices, or hand them on to guests of its own.
      - With V(intel) the machine is a V(q35), interrupts are remapped, and the I/O APIC is QEMU's. A Linux guest uses
        it with C(intel_iommu=on) on its kernel's command line.
      - With V(none) it has none.
    type: str
    choices: [intel, none]
  vsock:
    description:
      - Sockets between host and guest, without a network. The host needs C(/dev/vhost-vsock) when the guest starts.
    type: dict
    suboptions:
      cid:
        description:
          - The guest's context identifier, by which the host reaches it, from 3 up.
          - With V(auto) libvirt takes a free one at each start. With V(none) the domain has no such device.
        type: str
        required: true
  tpm:
    description:
      - A TPM 2.0. With V(emulator) it is one of C(swtpm), which must be on the host; its state is removed with the
        domain. With V(none) it has none.
    type: str
    choices: [emulator, none]
  watchdog:
    description:
      - A watchdog, which acts when the guest no longer tends it.
    type: dict
    suboptions:
      model:
        description: [What the guest sees. V(none) takes it away.]
        type: str
        choices: [i6300esb, none]
        required: true
      action:
        description: [What happens then. libvirt takes V(reset) when nothing is stated; V(none) is nothing.]
        type: str
        choices: [reset, shutdown, poweroff, pause, dump, inject-nmi, none]
  balloon:
    description:
      - The device by which a running guest gives memory back. A new domain has V(virtio) when nothing is stated.
    type: str
    choices: [virtio, none]
  rng:
    description:
      - Where the guest's source of randomness gets it from, namely a file of the host as V(/dev/urandom), V(builtin)
        for QEMU's own, or V(none). A new domain has V(/dev/urandom) when nothing is stated.
    type: str
  pcie_root_ports:
    description:
      - How many PCI Express root ports the domain has at least, 64 at most. Each device behind one takes it for itself,
        disks, interfaces and shares as well, and only a port that is free takes a device while the guest runs.
      - libvirt makes those that the devices of the definition need, and one more.
    type: int
  console_log:
    description:
      - The file to which the serial console is written. libvirt appends to it, and keeps it small by rotation.
    type: path
  clock:
    description:
      - The hardware clock that the guest starts with. A new domain has V(utc) when nothing is stated.
    type: dict
    suboptions:
      offset:
        description: [Whether it shows UTC, the host's time, or that of O(clock.timezone).]
        type: str
        choices: [utc, localtime, timezone]
      timezone:
        description: ['A time zone, as in V(Europe/Berlin). It makes O(clock.offset) V(timezone).']
        type: str
  on_poweroff:
    description:
      - What happens when the guest powers itself off. libvirt takes V(destroy) when nothing is stated, which ends it.
    type: str
    choices: [destroy, restart]
  on_reboot:
    description:
      - What happens when the guest reboots. libvirt takes V(restart) when nothing is stated.
    type: str
    choices: [destroy, restart]
  on_crash:
    description:
      - What happens when the guest crashes. libvirt takes V(destroy) when nothing is stated.
    type: str
    choices: [destroy, restart, preserve, coredump-destroy, coredump-restart]
  title:
    description:
      - A short title, one line.
    type: str
  description:
    description:
      - A description, of several lines perhaps.
    type: str
  qemu_commandline:
    description:
      - Arguments for QEMU that libvirt has no words for, in their order. libvirt calls such a domain tainted, and
        neither checks them nor gives QEMU access to the files that they name.
      - They are all that there are, besides those of O(forwards); V([]) takes them away. Those that O(xml) states are
        among them.
    type: list
    elements: str
  autostart:
    description:
      - Whether libvirt starts the guest when the host boots.
    type: bool
  metadata:
    description:
      - Notes in the domain's metadata. Stated keys are compared and written; others stay.
    type: dict
    suboptions:
      profile:
        description: [The profile that the guest was provisioned with.]
        type: str
      image:
        description: [The image that its root disk is made from.]
        type: str
      repository:
        description: [The repository that the guest is for.]
        type: str
      branch:
        description: [The branch that the guest is for.]
        type: str
      digests:
        description: [Digests of what was applied, by name.]
        type: dict
  xml:
    description:
      - Part of a C(<domain>) of libvirt, for what no option covers. What it states is looked for in the domain, as
        libvirt keeps it (C(virsh dumpxml --inactive)), and laid over the definition where it differs.
      - It takes nothing away. What an earlier run laid over and this one doesn't state stays.
      - Outside C(<devices>) an element is found by its tag, and by its C(name), C(id) or the like where there may be
        several of it, as C(<feature>), C(<timer>), C(<cell>), C(<vcpupin>) and C(<boot>).
      - In C(<devices>), C(<emulator>), C(<iommu>), C(<memballoon>), C(<tpm>), C(<vsock>) and C(<watchdog>) are found by
        their tags. Other devices are found by the first of these that is stated, namely the name of an alias, the
        serial number or target of a disk, the MAC address of an interface, the target of a filesystem, channel, serial
        port or console, type and index of a controller, the type of graphics, the id of audio, the address or the
        vendor and product in the source of a hostdev. All others are found by all that is stated of them, and added
        when no device of the domain has all of it.
      - The arguments in C(<qemu:commandline>) are one list. It is found as a whole in its order, else added at the end.
      - A statement that contradicts another option is refused, as are another domain's name or UUID, a DOCTYPE and with
        it entities, a password (results and diffs would show it), and what libvirt doesn't keep as it is written.
      - It can name any file and device of the host. Who may write it has the host.
    type: str
"""
