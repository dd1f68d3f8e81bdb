#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Tell what base images there are
description:
  - Tells what images the store below O(data) has, and what proved each; and what the catalog knows by name.
  - Nothing is changed, and nothing is asked of any server.
author:
  - burrow.vm contributors (@burrow-vm)
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.read_only
  - burrow.vm._store
options:
  name:
    description:
      - Only the image of this name, in the store and in the catalog. Where there is none, a list is empty.
    type: str
seealso:
  - module: burrow.vm.image
"""

EXAMPLES = r"""
- name: Look at all images
  burrow.vm.image_info:
  register: found

- name: Name those that nothing proved
  ansible.builtin.debug:
    msg: "{{ found.images | selectattr('verification.level', 'equalto', 'none') | map(attribute='names') | flatten }}"

- name: Show the images of the catalog, and what proves each
  ansible.builtin.debug:
    msg: "{{ found.catalog | items2dict(key_name='name', value_name='verify') }}"
"""

RETURN = r"""
actions:
  description: Always empty.
  returned: success
  type: list
  elements: str
images:
  description:
    - The images of the store. One that goes by several names is there once.
    - An image without a name is there because disks of guests were made of it. Damaged ones are left out.
  returned: success
  type: list
  elements: dict
  contains:
    names:
      description: The names that stand for it.
      type: list
      elements: str
    digest:
      description: The SHA-256 of the image as it was downloaded or copied. Of a built image, that of all that is in it.
      type: str
    path:
      description: The image's file.
      type: str
    format:
      description: The format of the file.
      type: str
    size:
      description: The length of the file in bytes.
      type: int
    virtual_size:
      description: The size in bytes that a guest sees.
      type: int
    architecture:
      description: The architecture, as in V(x86_64).
      type: str
    release:
      description: The catalog's name for what it is, as in V(debian-13), or null where that isn't known.
      type: str
    user:
      description: The user that cloud-init makes when the seed names none, or null where that isn't known.
      type: str
    source:
      description: How it was made, V(url), V(file) or V(build).
      type: str
    origin:
      description: The address or file that it is from; of a built image, the package mirror.
      type: str
    packages:
      description: The packages that it was built with besides those that every built image has.
      type: list
      elements: str
    verification:
      description: What proved the image, as M(burrow.vm.image) returns it.
      type: dict
    disks:
      description: The disks of guests that were made of it.
      type: list
      elements: str
catalog:
  description: The images that are known by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
    user:
      description: The user that cloud-init makes when the seed names none.
      type: str
    verify:
      description: What proves it unless less is asked for, V(signature) or V(checksum).
      type: str
    signature:
      description:
        - How its publisher signs the list of checksums, V(detached) from the list, as V(clear-signed) list, or V(none).
      type: str
    fingerprint:
      description: The fingerprint of the publisher's key, or null where nothing is signed.
      type: str
    can_be_built:
      description: Whether it is built of packages where it can't be fetched.
      type: bool
    architectures:
      description: What is published for each architecture, by its name as in V(x86_64).
      type: dict
      contains:
        url:
          description: The image's address.
          type: str
        checksum_url:
          description: The address of the list of checksums.
          type: str
        signature_url:
          description: The address of the list's signature, or null where it isn't a file of its own.
          type: str
        firmware:
          description: What boots it, V(bios) and V(efi).
          type: list
          elements: str
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
      description: The kind of error, as V(invalid) or V(host).
      type: str
    path:
      description: The option or the object that it is about.
      type: str
    hint:
      description: What to do.
      type: str
"""

from ansible_collections.burrow.vm.plugins.module_utils._model.arguments import STORE
from ansible_collections.burrow.vm.plugins.module_utils._resource.image_info import build
from ansible_collections.burrow.vm.plugins.module_utils._run import main as run

ARGUMENTS = {"name": {"type": "str"}, **STORE}


def main() -> None:
    run(ARGUMENTS, build, "images")


if __name__ == "__main__":
    main()
