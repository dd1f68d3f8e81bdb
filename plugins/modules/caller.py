#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of caller; the work is done by the action plugin of this name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: caller
author:
  - burrow.vm contributors (@burrow-vm)
short_description: Find out who calls, and with which SSH keys
description:
  - Returns the name and the public keys of whoever runs Ansible, which are what a guest gets when its variables
    state none.
  - The keys are those of the SSH agent and those in C(~/.ssh) whose private half is there.
  - A caller without a key that SSH can use without a prompt gets a key pair in C($XDG_DATA_HOME/burrow).
options: {}
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.full
  - burrow.vm._attributes.controller
attributes:
  diff_mode:
    support: none
seealso:
  - module: burrow.vm.ssh_config
"""

EXAMPLES = r"""
- name: Find out who calls
  burrow.vm.caller:
  register: me

- name: Show the keys that a guest would take
  ansible.builtin.debug:
    var: me.caller.authorized_keys
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
caller:
  description: Who calls.
  returned: always
  type: dict
  contains:
    user:
      description:
        - Name for the guest's user. The caller's own; for root that of who became root by sudo, else V(burrow).
      type: str
      sample: ada
    authorized_keys:
      description: Public keys. Empty in check mode when the key pair is not made yet.
      type: list
      elements: str
    identity_file:
      description: The private key of the pair that was made here, or null when the caller has other keys.
      type: str
    public_key:
      description: Its public half; V((known after apply\)) in check mode when it is not made yet.
      type: str
    config_dir:
      description: The caller's burrow directory on the controller.
      type: str
      sample: /home/ada/.local/share/burrow
    ssh_config:
      description: The SSH configuration that M(burrow.vm.ssh_config) writes.
      type: str
    known_hosts:
      description: The file of host keys that M(burrow.vm.ssh_config) writes.
      type: str
timings:
  description: Seconds per phase.
  returned: always
  type: dict
"""
