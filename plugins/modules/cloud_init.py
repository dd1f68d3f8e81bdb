#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloud_init
short_description: Make the cloud-init seed of a virtual machine
description:
  - Makes a NoCloud seed, a small disk image labelled C(cidata), from which cloud-init in a guest takes its user,
    keys, host name, network configuration and scripts.
  - The guest gets an ed25519 host key that this module makes, so that its first connection can be checked already.
  - What a guest follows at its first boot only is decided once. A later change of it changes nothing; it is named by
    RV(reset_required), and O(state=reset) applies it. An existing guest never gets another instance-id otherwise.
  - What a guest follows at each boot is O(shares), O(every_boot_script) and O(workdir). A change of these rewrites
    the seed. A running guest sees it after it was shut down and started again; RV(restart_required) names it in that
    run.
  - An option that is not stated keeps what the seed has, save with O(state=reset).
author:
  - burrow.vm contributors (@burrow-vm)
requirements:
  - C(mkfs.vfat) (package C(dosfstools)), C(mcopy) (package C(mtools)) and C(ssh-keygen) (package C(openssh-client))
    on the host
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.full
  - burrow.vm._store
attributes:
  diff_mode:
    details:
      - Scripts are shown by a digest and cloud-config not at all, because they may hold secrets.
  idempotent:
    support: partial
    details:
      - O(state=reset) makes the seed anew each time.
options:
  name:
    description:
      - The guest's name.
    type: str
    required: true
  state:
    description:
      - With V(present) the seed exists.
      - With V(reset) it is made anew with another instance-id, for a new root disk. The host key stays. An option
        that is not stated gets the value of a new seed.
      - With V(absent) the seed, its record and the host key do not exist.
    type: str
    choices: [present, reset, absent]
    default: present
  path:
    description:
      - The seed's file. It is C(seed.img) in the guest's directory below O(data) when not stated.
    type: path
  user:
    description:
      - The guest's user. It may use sudo, has no password, and logs in with O(authorized_keys). V(root) is refused.
      - A new guest's user is V(burrow) when not stated.
    type: str
  authorized_keys:
    description:
      - The user's public keys, one line of a C(.pub) file each. Options before a key are refused.
    type: list
    elements: str
  hostname:
    description:
      - The guest's host name. For a new guest it follows from O(name) when not stated.
    type: str
  cloud_config:
    description:
      - Further cloud-config, with the keys of cloud-init's own documentation.
      - It is laid over the module's own. Lists are appended to it (C(users)), mappings are merged, anything else
        replaces it.
      - C(ssh_keys), C(ssh_deletekeys), C(ssh_genkeytypes), C(ssh_pwauth), C(ssh_authorized_keys), C(password),
        C(chpasswd), C(disable_root), C(user), C(hostname), C(fqdn) and C(preserve_hostname) are refused, as are
        passwords in C(users). They would break the pinned host key, logins by key only, or another option.
    type: dict
  first_boot_script:
    description:
      - A script that runs as root at the end of the first boot, once. Without C(#!) in its first line it is run by
        C(/bin/sh).
    type: str
  every_boot_script:
    description:
      - A script that runs as root at the end of each boot, at the first boot before O(first_boot_script). Empty text
        removes it.
    type: str
  shares:
    description:
      - Directories of the host that the guest mounts by virtiofs at each boot. An empty list removes all.
      - A share that can't be mounted is reported by cloud-init, and the others are mounted.
      - The user of a new guest gets the uid of the first share's owner who isn't root, so that files belong to the
        user on both sides.
    type: list
    elements: dict
    suboptions:
      source:
        description:
          - The directory on the host.
        type: path
        required: true
      target:
        description:
          - Where it is mounted in the guest, always with C(nosuid,nodev). It is made when it is missing.
          - It is below C(/mnt) with the name of O(shares[].source) when not stated.
        type: str
      tag:
        description:
          - The virtiofs tag. It follows from O(shares[].target) when not stated.
        type: str
      readonly:
        description:
          - Whether it is mounted read-only. The guest could undo that, so the host must share it read-only too.
        type: bool
        default: false
  workdir:
    description:
      - The directory in which the user's logins begin. Empty text removes it.
    type: str
  network_config:
    description:
      - Network configuration of cloud-init, version 2. Without it a new guest asks for an address by DHCP on its
        first interface.
    type: dict
  meta_data:
    description:
      - Further meta-data. C(instance-id) and C(local-hostname) are refused.
    type: dict
  defaults:
    description:
      - Options that count only when the seed is made, and are never compared later.
      - It takes user, authorized_keys, hostname, cloud_config and network_config, as the options of these names do.
    type: dict
  host_key:
    description:
      - With V(seed) the seed holds the host's private key, which a first boot needs.
      - With V(sealed) it doesn't. Set it once the guest was reached.
      - A new seed holds it when nothing is stated.
    type: str
    choices: [seed, sealed]
seealso:
  - module: burrow.vm.disk
  - module: burrow.vm.domain
  - module: burrow.vm.guest_ready
"""

EXAMPLES = r"""
- name: Have a seed
  burrow.vm.cloud_init:
    name: work
    authorized_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl anna@example.org

- name: Have a seed with packages, a share and a script for each boot
  burrow.vm.cloud_init:
    name: web
    user: anna
    authorized_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl anna@example.org
    cloud_config:
      timezone: Europe/Berlin
      packages: [git]
    shares:
      - source: /srv/code
        target: /code
        readonly: true
    workdir: /code
    every_boot_script: |
      #!/bin/sh
      date >>/var/log/boots

- name: Take the host's private key out of the seed after the first boot
  burrow.vm.cloud_init:
    name: web
    host_key: sealed

- name: Prepare a first boot with the same host key and other packages
  burrow.vm.cloud_init:
    name: web
    state: reset
    user: anna
    authorized_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl anna@example.org
    cloud_config:
      packages: [git, make]

- name: Remove a seed with its host key
  burrow.vm.cloud_init:
    name: web
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, as sentences.
  returned: success
  type: list
  elements: str
  sample: [make an ed25519 host key for work]
cloud_init:
  description: The seed as it is. In check mode, what can't be known before reads V((known after apply\)).
  returned: success
  type: dict
  contains:
    path:
      description: The seed's file.
      type: str
    instance_id:
      description: The instance-id. Null when there is no seed, as are the following ones.
      type: str
    host_key:
      description: The guest's public host key, type and base64.
      type: str
      sample: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
    sealed:
      description: Whether the seed no longer holds the host's private key.
      type: bool
    user:
      description: The guest's user.
      type: str
reset_required:
  description: Stated options, and keys of O(cloud_config), that differ and that only O(state=reset) can apply.
  returned: when there are any
  type: list
  elements: str
  sample: [cloud_config.packages]
restart_required:
  description: Options that were changed in this run and that a running guest follows after its next start.
  returned: when there are any
  type: list
  elements: str
  sample: [shares]
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
      description: The kind of error, as V(invalid), V(not_owned), V(host_key_missing), V(no_space) or V(host).
      type: str
    path:
      description: The option or the object that it is about.
      type: str
    hint:
      description: What to do.
      type: str
"""

from typing import Any

from ansible_collections.burrow.vm.plugins.module_utils._model.arguments import STORE
from ansible_collections.burrow.vm.plugins.module_utils._resource.cloud_init import build
from ansible_collections.burrow.vm.plugins.module_utils._run import main as run

SHARE = {
    "source": {"type": "path", "required": True},
    "target": {"type": "str"},
    "tag": {"type": "str"},
    "readonly": {"type": "bool", "default": False},
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "reset", "absent"], "default": "present"},
    "path": {"type": "path"},
    "user": {"type": "str"},
    # Public, but a private key that is stated by mistake must not be shown either.
    "authorized_keys": {"type": "list", "elements": "str", "no_log": True},
    "hostname": {"type": "str"},
    "cloud_config": {"type": "dict", "no_log": True},
    "first_boot_script": {"type": "str", "no_log": True},
    "every_boot_script": {"type": "str", "no_log": True},
    "shares": {"type": "list", "elements": "dict", "options": SHARE},
    "workdir": {"type": "str"},
    "network_config": {"type": "dict"},
    "meta_data": {"type": "dict", "no_log": True},
    "defaults": {"type": "dict", "no_log": True},
    "host_key": {"type": "str", "choices": ["seed", "sealed"], "no_log": False},
    **STORE,
}


def main() -> None:
    run(ARGUMENTS, build, "cloud_init", masked=[name for name, option in ARGUMENTS.items() if option.get("no_log")])


if __name__ == "__main__":
    main()
