#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: disk
short_description: Make, grow, reset and remove disks of virtual machines
description:
  - Makes a disk image for a virtual machine, as an overlay of an image (O(backing)), a copy of one (O(copy_of)), or
    blank.
  - An existing disk is grown when O(size) asks for more. Shrinking is refused, because it loses data.
  - A disk is written under a temporary name and renamed. What an interrupted run left is removed by the next one.
  - A stamp beside the disk (C(.NAME.burrow)) says that this module made it. Only a disk with a stamp is ever removed
    or made anew.
author:
  - burrow.vm contributors (@burrow-vm)
requirements:
  - C(qemu-img) on the host (package C(qemu-utils) on Debian and Ubuntu)
  - libvirt-python, only to grow the disk of a running domain
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.full
  - burrow.vm._libvirt
  - burrow.vm._store
attributes:
  idempotent:
    support: partial
    details:
      - O(state=reset) makes the disk anew each time.
options:
  path:
    description:
      - The disk's file. Its directory is made when it is missing.
      - AppArmor's profile for libvirt only lets guests read files named C(*.qcow2), C(*.raw) or C(*.img).
    type: path
    required: true
  state:
    description:
      - With V(present) the disk exists and is as large as O(size) says.
      - With V(reset) the disk is made anew from O(backing) or O(copy_of), or from the backing image that it has now.
        All its data is lost.
      - With V(absent) the disk does not exist.
      - A disk that is in use or that has no stamp is neither reset nor removed. One that an external snapshot rests on
        (M(burrow.vm.snapshot)) isn't grown either.
    type: str
    choices: [present, reset, absent]
    default: present
  backing:
    description:
      - The image that the disk is an overlay of. It is never written to, and must stay where it is.
      - Its format is found from its content and written into the overlay.
      - An image that has a backing file of its own is refused.
      - Used when the disk is made. An existing disk with another backing image is kept, and RV(reset_required) says so.
      - In check mode V((known after apply\)) is accepted, as M(burrow.vm.image) returns it for an image that is not
        there yet.
    type: str
  copy_of:
    description:
      - The image that the disk is a copy of. Used when the disk is made.
    type: path
  size:
    description:
      - The virtual size, with its unit, as in V(20GiB) or V(512M). All units are binary.
      - A new overlay is 20 GiB large, or as large as O(backing) when that is larger; a new copy is as large as
        O(copy_of). A blank disk needs a size.
      - An existing disk is only changed when a size is stated.
    type: str
  format:
    description:
      - The disk's format. A new disk is V(qcow2) when nothing else is stated.
    type: str
    choices: [qcow2, raw]
  domain:
    description:
      - The libvirt domain that uses the disk. While it runs, the disk is grown by libvirt, and the guest sees it
        at once.
    type: str
  uri:
    description:
      - Where libvirt is, used only to grow the disk of a running O(domain).
seealso:
  - module: burrow.vm.image
  - module: burrow.vm.domain
  - module: burrow.vm.snapshot
"""

EXAMPLES = r"""
- name: Have a blank disk
  burrow.vm.disk:
    path: /var/lib/burrow/guests/work/drive-data.qcow2
    size: 10GiB

- name: Have an image
  burrow.vm.image:
    name: debian-13
  register: debian

- name: Have a root disk on top of it
  burrow.vm.disk:
    path: /var/lib/burrow/guests/work/root.qcow2
    backing: "{{ debian.image.path }}"
    size: 20GiB

- name: Grow the disk of a domain, whether it runs or not
  burrow.vm.disk:
    path: /var/lib/burrow/guests/work/root.qcow2
    size: 40GiB
    domain: work

- name: Begin anew from the same image
  burrow.vm.disk:
    path: /var/lib/burrow/guests/work/root.qcow2
    state: reset

- name: Remove a disk
  burrow.vm.disk:
    path: /var/lib/burrow/guests/work/root.qcow2
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, as sentences.
  returned: success
  type: list
  elements: str
  sample: ["make /x/root.qcow2 as an overlay of /x/image.qcow2, 20 GiB"]
disk:
  description: The disk as it is. In check mode, what can't be known before reads V((known after apply\)).
  returned: success
  type: dict
  contains:
    path:
      description: The disk's file.
      type: str
    format:
      description: The disk's format. Null when there is no disk, as are the following ones.
      type: str
    virtual_size:
      description: The size in bytes that the guest sees.
      type: int
    actual_size:
      description: The bytes that the file takes.
      type: int
    backing:
      description: The image that the disk is an overlay of, or null.
      type: str
    stamped:
      description: Whether this module made the disk, and so may remove it.
      type: bool
reset_required:
  description: Options that the existing disk does not follow and that only O(state=reset) can apply.
  returned: when there are any
  type: list
  elements: str
  sample: [backing]
timings:
  description: Seconds per phase.
  returned: always
  type: dict
error:
  description: What went wrong, for programs.
  returned: failure
  type: dict
  contains:
    code:
      description: The kind of error, as V(invalid), V(in_use), V(not_owned), V(no_space), V(damaged_image) or V(host).
      type: str
    path:
      description: The option or the object that it is about.
      type: str
    hint:
      description: What to do.
      type: str
"""

from ansible_collections.burrow.vm.plugins.module_utils._model.arguments import LIBVIRT, STORE
from ansible_collections.burrow.vm.plugins.module_utils._model.disk import FORMATS
from ansible_collections.burrow.vm.plugins.module_utils._resource.disk import build
from ansible_collections.burrow.vm.plugins.module_utils._run import main as run

ARGUMENTS = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "reset", "absent"], "default": "present"},
    "backing": {"type": "str"},
    "copy_of": {"type": "path"},
    "size": {"type": "str"},
    "format": {"type": "str", "choices": list(FORMATS)},
    "domain": {"type": "str"},
    **LIBVIRT,
    **STORE,
}


def main() -> None:
    run(ARGUMENTS, build, "disk", mutually_exclusive=[("backing", "copy_of")])


if __name__ == "__main__":
    main()
