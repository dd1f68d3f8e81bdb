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
      - Disks that the domain has. A disk is found again by its name; stated keys are compared, others stay.
      - They appear as virtio disks in this order, the first of a new domain as C(/dev/vda).
      - Files must exist, save in check mode, where C((known after apply\)) is accepted as well.
    type: list
    elements: dict
    suboptions:
      name:
        description: [The disk's name, which is its serial number in the guest too. 20 characters at most.]
        type: str
        required: true
      source:
        description: [The disk's file on the host. A new disk needs it.]
        type: path
      format:
        description: [The file's format. A new disk has V(qcow2) when nothing is stated.]
        type: str
        choices: [qcow2, raw]
      readonly:
        description: [Whether the guest can only read it. A new disk can be written to when nothing is stated.]
        type: bool
      base:
        description:
          - The qcow2 image that O(disks[].source) is an overlay of. It is written into the definition so that libvirt
            leaves its owner as it is. Without it libvirt finds the image by itself, and gives it to QEMU's user.
        type: path
  interfaces:
    description:
      - Network interfaces that the domain has. One with O(interfaces[].mac) is found by it, the others by their order.
    type: list
    elements: dict
    suboptions:
      type:
        description: [A libvirt network or a bridge of the host. A new interface is a V(network) if not stated.]
        type: str
        choices: [network, bridge]
      source:
        description: [The network's or bridge's name. A new interface needs it.]
        type: str
      mac:
        description: [The MAC address. A new interface gets one that follows from the domain's name.]
        type: str
      model:
        description: [The device that the guest sees. A new interface is V(virtio) when nothing is stated.]
        type: str
        choices: [virtio, e1000e, e1000, rtl8139]
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
