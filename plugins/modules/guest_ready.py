#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_ready
short_description: Wait until a virtual machine answers by SSH
description:
  - Waits until a running guest has an address, its SSH server says its banner and, where O(host_key) is stated, shows
    that host key.
  - Ends early when the guest won't come up by itself any more, as when it was powered off, is paused, or its kernel
    panicked.
  - A failure names the phase that was not reached, the cause, what helps, and the end of the guest's console.
  - It needs neither a login nor a guest agent, and changes nothing.
author:
  - burrow.vm contributors (@burrow-vm)
options:
  name:
    description: The domain's name.
    type: str
    required: true
  mac:
    description:
      - The MAC address of the interface to reach the guest by.
      - When it is not stated, any that has an address will do.
    type: str
  port:
    description: The port that the guest's SSH server listens on.
    type: int
    default: 22
  host_key:
    description:
      - The public host key that the guest must show, as in the file C(ssh_host_ed25519_key.pub).
      - Another key ends the wait at once.
    type: str
  timeout:
    description: How many seconds to wait, all phases together.
    type: int
    default: 300
  console_log:
    description:
      - The file that the guest's console is logged to.
      - When it is not stated, libvirt's definition says where it is.
    type: path
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.read_only
  - burrow.vm._libvirt
  - burrow.vm._libvirt.python
attributes:
  check_mode:
    details:
      - Nothing is ever changed. The guest must be running in check mode too.
requirements:
  - ssh-keyscan on the hypervisor, when O(host_key) is stated
seealso:
  - module: burrow.vm.domain
  - module: burrow.vm.preflight
"""

EXAMPLES = r"""
- name: Wait until the guest answers
  burrow.vm.guest_ready:
    name: web
  register: result

- name: Say where it is
  ansible.builtin.debug:
    msg: "{{ result.guest.name }} is at {{ result.guest.address }} after {{ result.timings.banner }} s"

- name: Wait until the guest shows the host key that was made for it
  burrow.vm.guest_ready:
    name: web
    mac: 52:54:00:00:20:01
    host_key: "{{ lookup('ansible.builtin.file', '/var/lib/burrow/guests/web/private/ssh_host_ed25519_key.pub') }}"
    timeout: 120
"""

RETURN = r"""
guest:
  description: What the guest answered. On failure, as far as it is known.
  returned: always
  type: dict
  contains:
    name:
      description: The domain's name.
      type: str
      returned: always
      sample: web
    address:
      description: The address that its SSH server answers at.
      type: str
      returned: success
      sample: 10.77.0.20
    port:
      description: The port.
      type: int
      returned: always
      sample: 22
    banner:
      description: What its SSH server calls itself.
      type: str
      returned: success
      sample: SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7
    host_key:
      description: The host key that it showed, null when O(host_key) is not stated.
      type: str
      returned: success
      sample: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0yAr7vgu2KbTGAS4TkWkFFVFcbgTIYqU3zoWuOLnPT
timings:
  description: >-
    Seconds from the beginning of the wait until C(started), C(address), C(port), C(banner) and C(host_key) were
    reached.
  returned: always
  type: dict
  sample: {started: 0.01, address: 14.2, port: 22.9, banner: 23.1}
console:
  description: The last lines of the guest's console, without control characters.
  returned: failure
  type: list
  elements: str
qemu_log:
  description: The last lines of QEMU's log, when the guest isn't running.
  returned: failure
  type: list
  elements: str
actions:
  description: Always empty.
  returned: success
  type: list
  elements: str
error:
  description: >-
    The phase that was not reached (C(code), one of V(started), V(address), V(port), V(banner), V(host_key)), the guest
    (C(path)) and what helps (C(hint)).
  returned: failure
  type: dict
"""

from ansible_collections.burrow.vm.plugins.module_utils._model.arguments import LIBVIRT
from ansible_collections.burrow.vm.plugins.module_utils._resource.guest_ready import build
from ansible_collections.burrow.vm.plugins.module_utils._run import main as run

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "mac": {"type": "str"},
    "port": {"type": "int", "default": 22},
    # A public key; the name alone would have it taken for a secret.
    "host_key": {"type": "str", "no_log": False},
    "timeout": {"type": "int", "default": 300},
    "console_log": {"type": "path"},
    **LIBVIRT,
}


def main() -> None:
    run(ARGUMENTS, build, "guest", libvirt=True)


if __name__ == "__main__":
    main()
