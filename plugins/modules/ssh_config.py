#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of ssh_config; the work is done by the action plugin of this name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_config
author:
  - burrow.vm contributors (@burrow-vm)
short_description: Write how a VM is reached by SSH
description:
  - Keeps one entry per VM in C($XDG_DATA_HOME/burrow/ssh_config) on the controller, and its host key in
    C(known_hosts) beside it. SSH checks that key strictly and takes no other.
  - One C(Include) line at the top of C(~/.ssh/config) makes C(ssh NAME) work. It is said when that line is added;
    it goes with the last entry.
options:
  name:
    description: The VM's name, by which SSH knows it.
    type: str
    required: true
  state:
    description: Whether the entry is there.
    type: str
    choices: [present, absent]
    default: present
  alias:
    description:
      - Name under which the host key is kept. It follows from O(name) when not stated.
      - With O(state=absent), an entry with another alias is left alone.
    type: str
  address:
    description: Address or host name of the VM.
    type: str
  port:
    description: Port of the VM's SSH server.
    type: int
    default: 22
  user:
    description: The VM's user.
    type: str
  identity_file:
    description: Private key to use beside those that SSH tries by itself.
    type: path
  host_key:
    description: The VM's public host key.
    type: str
  proxy:
    description:
      - The host to go through, usually the VM's hypervisor.
      - SSH logs in there as a person would. The caller's own SSH configuration and known hosts count for it, and
        where it is a VM that has an entry here, that one.
    type: dict
    suboptions:
      host:
        description: The host's name, its address, or an alias of the caller's SSH configuration.
        type: str
        required: true
      port:
        description: Port of its SSH server.
        type: int
      user:
        description: User to log in as.
        type: str
      identity_file:
        description: Private key to use beside those that SSH tries by itself.
        type: path
      arguments:
        description: Further arguments of C(ssh), as in C(ansible_ssh_common_args).
        type: list
        elements: str
  include:
    description: Whether C(~/.ssh/config) includes our entries. V(false) removes the line.
    type: bool
    default: true
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.full
  - burrow.vm._attributes.controller
seealso:
  - module: burrow.vm.guest_ready
"""

EXAMPLES = r"""
- name: Write how the VM is reached
  burrow.vm.ssh_config:
    name: work
    address: 192.0.2.7
    user: ada
    host_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl

- name: Write how a VM of another host is reached
  burrow.vm.ssh_config:
    name: build
    address: 10.77.0.20
    user: ada
    host_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
    proxy: {host: vmhost1.example.com, user: admin}

- name: Forget it
  burrow.vm.ssh_config:
    name: work
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
ssh:
  description: How the VM is reached.
  returned: always
  type: dict
  contains:
    name:
      description: The VM's name.
      type: str
    alias:
      description: Name under which its host key is kept.
      type: str
      sample: burrow-work
    address:
      description: Where it answers; null with O(state=absent).
      type: str
    port:
      description: The port there; null with O(state=absent).
      type: int
    config:
      description: Path of our SSH configuration, as C(ssh -F) takes it.
      type: str
    known_hosts:
      description: Path of our file of host keys.
      type: str
    include:
      description: The caller's own configuration, when it includes ours; else null.
      type: str
    command:
      description: What a person types.
      type: str
      sample: ssh work
timings:
  description: Seconds per phase.
  returned: always
  type: dict
"""
