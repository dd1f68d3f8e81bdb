#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Check whether a host can run virtual machines
description:
  - Looks at a hypervisor and at what its guests need, and says for each check whether it is fine, else why not and
    what helps.
  - Changes nothing, and runs on a host where nothing is installed yet.
  - Checks are C(libvirt) (it answers), C(accelerator) (KVM can really run a guest), C(daemon) (something reaps
    libvirtd's children), C(directories) (QEMU's user can pass them), C(firewall) (what guests send is not dropped),
    C(clock) (right, where O(controller_time) is stated), C(apparmor) (it refused libvirt nothing, where
    O(refused_within) is stated), C(programs), C(name) (no foreign domain has a guest's name),
    C(room) (on the file system of O(data)), C(disk) (none gets smaller), C(cpus), C(memory), C(ports) and C(shares).
author:
  - burrow.vm contributors (@burrow-vm)
options:
  guests:
    description: The guests that will run on this host.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The guest's name.
        type: str
        required: true
      cpus:
        description: How many CPUs it gets.
        type: int
      memory:
        description: How much memory it gets, as in V(2GiB); a bare number counts bytes.
        type: str
      disk:
        description:
          - How large its root disk may grow, as in V(20GiB); a bare number counts bytes. What is smaller than its
            existing disk or than its image is an error.
        type: str
      image:
        description: The name of its base image. An image that is not in the store yet needs room too.
        type: str
      reset:
        description: Whether its root disk will be made anew, so that the size of the existing one does not count.
        type: bool
        default: false
      forwards:
        description: Where QEMU will listen for it.
        type: list
        elements: dict
        default: []
        suboptions:
          host_port:
            description: The port on this host.
            type: int
            required: true
          guest_port:
            description: The port in the guest. It is not looked at.
            type: int
          address:
            description: The address on this host.
            type: str
            default: 127.0.0.1
      shares:
        description: Directories of this host that it will see.
        type: list
        elements: dict
        default: []
        suboptions:
          source:
            description: The directory on this host.
            type: str
            required: true
          readonly:
            description: Whether the guest may only read. Sensitive directories need consent all the same.
            type: bool
            default: false
          allow_sensitive:
            description:
              - Consent to share a directory that belongs to the host's system (as C(/etc) or C(/var/lib)), a whole home
                directory, or one that holds keys.
              - C(/) and directories in C(/boot), C(/sys), C(/proc), C(/dev) and C(/run) are refused in any case.
            type: bool
            default: false
  network:
    description: The libvirt network that guests are connected to by default.
    type: str
    default: burrow
  hook_checksum:
    description:
      - SHA-256 of the libvirt hook that should be installed, without its first line, which names the interpreter.
      - When it is not stated, any version of it will do.
    type: str
  controller_time:
    description: The time of whoever asks, in seconds since 1970, to compare this host's clock with.
    type: float
  refused_within:
    description:
      - How many seconds back it is looked for what AppArmor refused libvirt and its guests. Ask it when a guest could
        not start for want of a permission.
    type: int
  fail:
    description: Fail when a check finds an error. The result still has all checks.
    type: bool
    default: false
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.read_only
  - burrow.vm._libvirt
  - burrow.vm._store
seealso:
  - module: burrow.vm.domain
  - module: burrow.vm.guest_ready
notes:
  - Run it as the user who will make the guests, root for V(qemu:///system). What that user can't see is taken for fine.
"""

EXAMPLES = r"""
- name: Look at the hypervisor
  burrow.vm.preflight:
  register: result

- name: Say which accelerator guests get, and why
  ansible.builtin.debug:
    msg: "{{ result.preflight.host.accelerator }}: {{ result.preflight.host.accelerator_reason }}"

- name: Stop unless the host can run the guest
  burrow.vm.preflight:
    guests:
      - name: web
        cpus: 2
        memory: 2GiB
        disk: 20GiB
        forwards:
          - host_port: 8080
        shares:
          - source: /usr/share/doc
            readonly: true
            allow_sensitive: true
    fail: true
  when: result.preflight.host.prepared
"""

RETURN = r"""
preflight:
  description: What was found.
  returned: always
  type: dict
  contains:
    ok:
      description: Whether no check found an error. Warnings don't count.
      type: bool
      returned: always
      sample: true
    checks:
      description: One entry for each check that is fine, and one for each finding of the others.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: The check.
          type: str
          returned: always
          sample: ports
        ok:
          description: Whether it is fine.
          type: bool
          returned: always
        level:
          description: V(error) when the guests can't run like this, V(warning) when they can, with a drawback.
          type: str
          returned: always
        guest:
          description: The guest that it is about, empty when it is about the host.
          type: str
          returned: always
        reason:
          description: What was found.
          type: str
          returned: always
          sample: 127.0.0.1:8080 is in use by nginx (process 812)
        remedy:
          description: What helps.
          type: str
          returned: always
          sample: Forward another host port or address, or end what holds it.
    host:
      description: The host.
      type: dict
      returned: always
      contains:
        accelerator:
          description: What guests can really use, V(kvm) or V(tcg).
          type: str
          returned: always
        accelerator_reason:
          description: Why.
          type: str
          returned: always
        architecture:
          description: The machine's architecture.
          type: str
          returned: always
          sample: x86_64
        cpus:
          description: CPUs of the host.
          type: int
          returned: always
        memory:
          description: Memory of the host in bytes.
          type: int
          returned: always
        os:
          description: The distribution (C(id), C(version), C(family)) and whether C(init) is V(systemd) or V(other).
          type: dict
          returned: always
          sample: {id: debian, version: "12", family: debian, init: systemd}
        efi:
          description: Whether there is UEFI firmware for guests.
          type: bool
          returned: always
        libvirt:
          description: libvirt's version, null when it does not answer.
          type: str
          returned: always
          sample: 9.0.0
        qemu:
          description: QEMU's version, null when libvirt does not tell.
          type: str
          returned: always
          sample: 7.2.22
        qemu_user:
          description: The user that QEMU runs as.
          type: str
          returned: always
          sample: libvirt-qemu
        kvm_root_only:
          description: Whether nobody but root may open C(/dev/kvm).
          type: bool
          returned: always
        daemon:
          description: >-
            Whether libvirtd is C(reachable) by its socket, and virtlogd (C(logs)) and what keeps networks (C(networks))
            too; whether somebody reaps its children (C(reaped)), and libvirtd started after our hook was installed
            (C(hook_seen)). C(pid) is 0 when it is not known. C(name) is V(libvirtd) or V(virtqemud), empty when neither
            is installed; C(units) are those that belong to it (with C(start) where they have to run at once),
            C(disabled) which of them systemd doesn't start with the host.
          type: dict
          returned: always
        network:
          description: >-
            Whether O(network) is C(defined), C(active), starts with the host (C(autostart)) and was made by this
            collection (C(owned)), and its C(bridge).
          type: dict
          returned: always
        free:
          description: Free bytes on the file system of O(data).
          type: int
          returned: always
        prepared:
          description: Whether everything is there that role P(burrow.vm.hypervisor#role) sets up.
          type: bool
          returned: always
        unprepared:
          description: What is not.
          type: list
          elements: str
          returned: always
          sample: [libvirtd is not running]
        needs:
          description: >-
            The same by what is to be done, in its order, out of V(hook), V(packages), V(data), V(kvm), V(daemon),
            V(restart) and V(network).
          type: list
          elements: str
          returned: always
          sample: [daemon]
        missing:
          description: The programs that are not installed.
          type: list
          elements: str
          returned: always
        backports:
          description: Whether module M(burrow.vm.qemu_source) made apt take QEMU from backports.
          type: bool
          returned: always
        firewall:
          description: >-
            Who drops what guests send (C(owner), C(chain), C(what)), and the C(commands) that let it through, also in
            words (C(remedy)). C(managed) is whether role P(burrow.vm.hypervisor#role) can make that stay.
          type: list
          elements: dict
          returned: always
        opened:
          description: What that role opened in a firewall that keeps its rules, with the C(commands) that take it back.
          type: list
          elements: dict
          returned: always
        package_lock:
          description: Who keeps others from installing packages at the moment, empty when nobody does.
          type: str
          returned: always
          sample: unattended-upgr (process 812)
    guests:
      description: >-
        What is there already, by guest. C(exists) is true when the guest has a domain and its root disk; C(owned) when
        this collection made it; C(state) is empty without a domain; C(metadata) is what the collection noted on it.
        C(root_disk) is whether its root disk is there, with a domain or without. C(seed) is what the record of its seed
        says (C(asked), C(user), C(host_key), C(sealed)) and whether its file is C(whole), null without a record.
        C(answer) is where the SSH server of a running guest answered at once (C(address), C(port), C(banner)), or null.
      type: dict
      returned: always
actions:
  description: Always empty.
  type: list
  elements: str
  returned: success
timings:
  description: Seconds per phase.
  type: dict
  returned: always
error:
  description: The first failing check (C(code)), its guest (C(path)) and remedy (C(hint)).
  type: dict
  returned: failure
"""

from ansible_collections.burrow.vm.plugins.module_utils._model.arguments import LIBVIRT, STORE
from ansible_collections.burrow.vm.plugins.module_utils._resource.preflight import build
from ansible_collections.burrow.vm.plugins.module_utils._run import main as run

FORWARD = {
    "host_port": {"type": "int", "required": True},
    "guest_port": {"type": "int"},
    "address": {"type": "str", "default": "127.0.0.1"},
}
SHARE = {
    "source": {"type": "str", "required": True},
    "readonly": {"type": "bool", "default": False},
    "allow_sensitive": {"type": "bool", "default": False},
}
GUEST = {
    "name": {"type": "str", "required": True},
    "cpus": {"type": "int"},
    "memory": {"type": "str"},
    "disk": {"type": "str"},
    "image": {"type": "str"},
    "reset": {"type": "bool", "default": False},
    "forwards": {"type": "list", "elements": "dict", "default": [], "options": FORWARD},
    "shares": {"type": "list", "elements": "dict", "default": [], "options": SHARE},
}
ARGUMENTS = {
    "guests": {"type": "list", "elements": "dict", "default": [], "options": GUEST},
    "network": {"type": "str", "default": "burrow"},
    "hook_checksum": {"type": "str"},
    "controller_time": {"type": "float"},
    "refused_within": {"type": "int"},
    "fail": {"type": "bool", "default": False},
    **LIBVIRT,
    **STORE,
}


def main() -> None:
    run(ARGUMENTS, build, "preflight", libvirt=True, libvirt_required=False)


if __name__ == "__main__":
    main()
