# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to the collection: the lists of devices of a domain. The options are those of LISTS in module_utils."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  disks:
    description:
      - Disks and drives that the domain has. One is found again by its O(disks[].name); stated keys are compared,
        others stay.
      - They appear in this order, the first virtio disk of a new domain as C(/dev/vda).
      - Files must exist, save in check mode, where C((known after apply\)) is accepted as well.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The disk's name, which is its serial number in the guest too. 20 characters at most.
          - When no disk has this serial number, it means the disk with this target (as in V(vda)), so that disks which
            others made without one can be named.
        type: str
        required: true
      source:
        description:
          - The disk's file or block device (below C(/dev)) on the host. A new disk needs it.
          - With V(none) a cdrom is empty.
        type: path
      format:
        description:
          - Its format. If nothing is stated, a new cdrom or block device has V(raw), any other new disk V(qcow2).
        type: str
        choices: [qcow2, raw]
      device:
        description: [What the guest sees. Only a cdrom can be empty. A new one is a V(disk) if nothing is stated.]
        type: str
        choices: [disk, cdrom]
      bus:
        description:
          - What it is attached to. A new disk is on V(virtio) if nothing is stated; a cdrom is where its machine has
            drives, on V(sata) with q35, V(ide) with pc, V(scsi) on Arm. A bus that the domain lacks is added.
        type: str
        choices: [virtio, scsi, sata, usb, ide]
      target:
        description: ["What libvirt calls it, as in V(vda) or V(sda). A new disk gets one that is free."]
        type: str
      readonly:
        description: [Whether the guest can only read it. A new disk can be written to if not stated; a cdrom can't be.]
        type: bool
      shareable:
        description:
          - Whether other domains may have it at the same time; its format must be V(raw). A new disk is not if not
            stated.
        type: bool
      cache:
        description: [How the host caches it. QEMU chooses V(writeback) where a disk has nothing of the kind.]
        type: str
        choices: [none, writeback, writethrough, directsync, unsafe]
      io:
        description: ["How QEMU reads and writes it. V(native) needs O(disks[].cache) to be V(none) or V(directsync)."]
        type: str
        choices: [threads, native, io_uring]
      discard:
        description:
          - Whether blocks that the guest discards are given back to the host. A new disk that can be written to has
            V(unmap) when nothing is stated.
        type: str
        choices: [unmap, ignore]
      boot_order:
        description:
          - Its place among the devices that the firmware tries, from 1. No two devices of a domain have the same.
          - libvirt takes either places of devices or an order of their kinds, so that the latter goes with it.
        type: int
      base:
        description:
          - The qcow2 image that O(disks[].source) is an overlay of. It is written into the definition so that libvirt
            leaves its owner as it is. Without it libvirt finds the image by itself, and gives it to QEMU's user.
        type: path
      iotune:
        description: ["Limits, of reads and writes or of their total. V(none) takes one away."]
        type: dict
        suboptions:
          read_bytes:
            description: ["What is read per second, with its unit, as in V(10MiB)."]
            type: str
          write_bytes:
            description: [What is written per second.]
            type: str
          total_bytes:
            description: [What is read and written per second.]
            type: str
          read_iops:
            description: [Reads per second.]
            type: str
          write_iops:
            description: [Writes per second.]
            type: str
          total_iops:
            description: [Reads and writes per second.]
            type: str
  interfaces:
    description:
      - Network interfaces that the domain has. One with O(interfaces[].mac) is found by it. Of the others, one with
        O(interfaces[].source) is found by that, and those that are left over by their order.
    type: list
    elements: dict
    suboptions:
      type:
        description:
          - A libvirt network, a bridge of the host, an interface of the host directly (macvtap), or the network of QEMU
            itself, which needs nothing of the host. A new interface is a V(network) if not stated.
        type: str
        choices: [network, bridge, direct, user]
      source:
        description:
          - The name of the network, the bridge, or the host's interface. A new interface needs it, save for a V(user).
        type: str
      mac:
        description: [The MAC address. A new interface gets one that follows from the domain's name.]
        type: str
      model:
        description: [The device that the guest sees. A new interface is V(virtio) when nothing is stated.]
        type: str
        choices: [virtio, e1000e, e1000, rtl8139]
      mode:
        description: [How a V(direct) interface reaches others on the same one. A new one is a V(bridge) if not stated.]
        type: str
        choices: [bridge, vepa, private, passthrough]
      link:
        description: [Whether its cable is plugged in. It is where nothing says otherwise.]
        type: str
        choices: [up, down]
      vlan:
        description:
          - The number of its VLAN. V(none) takes it away.
          - libvirt has VLANs on Open vSwitch and SR-IOV devices, and since its version 11.0 on Linux bridges.
        type: str
      filter:
        description: ["libvirt's filter that its packets pass, as in V(clean-traffic). V(none) takes it away."]
        type: str
      queues:
        description: [How many queues a V(virtio) interface has. One for each CPU of the guest is what it can use.]
        type: int
      boot_order:
        description: ["Its place among the devices that the firmware tries, as O(disks[].boot_order)."]
        type: int
      bandwidth:
        description: ["Average rates, seen from the guest. V(none) takes one away."]
        type: dict
        suboptions:
          inbound:
            description: ["What it receives per second, with its unit, as in V(10MiB)."]
            type: str
          outbound:
            description: [What it sends per second.]
            type: str
  filesystems:
    description:
      - Directories of the host that the guest can mount by their tags (C(mount -t virtiofs TAG DIRECTORY)).
      - They are bound below C(/run/burrow/shares) by the libvirt hook, C(nosuid,nodev), and read-only on the host's
        side where O(filesystems[].readonly) says so. What is mounted below a directory is not part of it.
      - C(/) and what is below C(/boot), C(/dev), C(/proc), C(/run) and C(/sys) is refused, links followed.
      - Where a directory leads to is noted as its real path. The hook binds nothing else, so that nobody who may write
        beside it can give the guest another directory by a link. Another real path is a change of the share.
    type: list
    elements: dict
    suboptions:
      tag:
        description: [The virtiofs tag. 36 bytes at most.]
        type: str
        required: true
      source:
        description: [The directory.]
        type: path
        required: true
      readonly:
        description: [Whether the guest can only read. A new one can be written to when nothing is stated.]
        type: bool
      allow_sensitive:
        description:
          - Whether it may lead to a directory that belongs to the host's system, a whole home directory, or one that
            holds keys. V(false) refuses that, links followed, at the moment in which the real path is noted.
          - Nothing is refused when it is not stated.
        type: bool
  hostdevs:
    description:
      - Devices of the host that the domain has for itself. Each is found by its address.
    type: list
    elements: dict
    suboptions:
      pci:
        description: ["The address of a PCI device, as in V(0000:01:00.0)."]
        type: str
      usb:
        description:
          - A USB device, by vendor and product as in V(046d:c52b), or by bus and device as in V(3/7). The latter change
            when it is plugged in again. A domain that has no USB gets it.
        type: str
      managed:
        description:
          - Whether libvirt takes a PCI device from its driver when the guest starts, and gives it back after. It does
            so with a new one when nothing is stated.
        type: bool
      boot_order:
        description: ["Its place among the devices that the firmware tries, as O(disks[].boot_order)."]
        type: int
  serials:
    description:
      - Serial ports. A new domain always has the first, as a V(pty). O(console_log) keeps what is written to it.
    type: list
    elements: dict
    suboptions:
      port:
        description: [Its number in the guest. The first is 0 (C(/dev/ttyS0\) in Linux on a PC).]
        type: int
        required: true
      type:
        description:
          - What it is on the host, namely a terminal (C(virsh console)), a socket on which QEMU listens, or a file. A
            new one is a V(pty) when nothing is stated.
        type: str
        choices: [pty, unix, tcp, file]
      source:
        description: ["The path of the socket or file; for V(tcp) address and port, as in V(127.0.0.1:4555)."]
        type: str
  channels:
    description:
      - Channels between host and guest, which the guest finds by their names (C(/dev/virtio-ports/NAME)). A new domain
        always has that of QEMU's guest agent, V(org.qemu.guest_agent.0).
    type: list
    elements: dict
    suboptions:
      name:
        description: [Its name in the guest.]
        type: str
        required: true
      type:
        description: [A socket on which QEMU listens or SPICE's agent. A new one is V(unix) when nothing is stated.]
        type: str
        choices: [unix, spicevmc]
      source:
        description: [The path of the socket. libvirt chooses one where nothing was ever stated.]
        type: str
  graphics:
    description:
      - How the guest's screen can be seen. There is one of each type, by which it is found. libvirt adds a video device
        to a domain without one.
    type: list
    elements: dict
    suboptions:
      type:
        description: [The protocol. QEMU needs its module for V(spice).]
        type: str
        choices: [vnc, spice]
        required: true
      listen:
        description:
          - The IP address on which QEMU listens, the path of a socket, or V(none). If nothing is stated, a new one
            listens on V(127.0.0.1).
        type: str
      port:
        description: [The port or V(auto). A new one on an address has V(auto) when nothing is stated.]
        type: str
      password:
        description:
          - What a person who connects has to know. VNC takes 8 characters at most. An empty text takes it away.
          - It is compared with the domain's, and shown in no result, diff or log. libvirt keeps it in the definition as
            it is, readable by root.
        type: str
  video:
    description:
      - Video devices. They are found by their order. The first is the one that firmware uses.
    type: list
    elements: dict
    suboptions:
      model:
        description:
          - The device that the guest sees. A new one is V(virtio) when nothing is stated. With V(none) there is none,
            also where graphics would bring one.
        type: str
        choices: [virtio, vga, qxl, bochs, cirrus, ramfb, none]
  sound:
    description:
      - Sound devices. They are found by their order.
    type: list
    elements: dict
    suboptions:
      model:
        description: [The device that the guest sees. A new one is an V(ich9) when nothing is stated.]
        type: str
        choices: [ich9, ich6, ac97, usb]
      audio:
        description:
          - What plays it on the host. Where nothing was stated libvirt chooses V(spice) with SPICE, and else V(none).
        type: str
        choices: [none, spice, alsa, pulseaudio, pipewire]
  forwards:
    description:
      - TCP ports of the host that lead to the guest, by a second interface on QEMU's user network. In the guest
        it needs the address C(10.0.2.15/24), as the seed of M(burrow.vm.cloud_init) can give it.
      - They begin and end with the guest.
    type: list
    elements: dict
    suboptions:
      host_port:
        description: [The port on the host.]
        type: int
        required: true
      guest_port:
        description: [The port in the guest.]
        type: int
        required: true
      address:
        description: [The IPv4 address on which the host listens.]
        type: str
        default: 127.0.0.1
"""
