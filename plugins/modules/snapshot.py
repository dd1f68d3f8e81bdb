#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot
short_description: Make, go back to and remove snapshots of libvirt domains
description:
  - Makes a snapshot of a domain's disks exist, with or without the guest's memory; goes back to it; or removes it.
  - An internal snapshot is kept inside of the qcow2 files. For an external one the guest goes on in a new file beside
    the disk (C(root.NAME.qcow2)), and what was there before stays untouched below it. When an external snapshot is
    removed, its file is merged into the one below, while the guest runs or is stopped, and the disk has its former
    name again.
  - The files that this module makes have a stamp beside them (C(.FILE.burrow)). Only such files are ever removed; an
    external snapshot that others made is left alone.
  - UEFI variables and the state of a TPM are no part of an external snapshot.
author:
  - burrow.vm contributors (@burrow-vm)
requirements:
  - C(qemu-img) on the host (package C(qemu-utils) on Debian and Ubuntu)
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.full
  - burrow.vm._libvirt
  - burrow.vm._libvirt.python
  - burrow.vm._store
attributes:
  idempotent:
    support: partial
    details:
      - O(state=reverted) goes back each time.
options:
  domain:
    description:
      - The domain's name. It may be anybody's.
    type: str
    required: true
  name:
    description:
      - The snapshot's name. 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or digit.
    type: str
    required: true
  state:
    description:
      - With V(present) the snapshot exists. One that is there is never made anew.
      - With V(reverted) the domain is as it was when the snapshot was made, its definition included. It then runs if
        the snapshot has the memory of a guest that ran, and is stopped otherwise. A running guest is powered off.
      - With V(absent) the snapshot does not exist. The domain goes on as it is.
    type: str
    choices: [present, reverted, absent]
    default: present
  kind:
    description:
      - Where the snapshot is kept. A domain's snapshots are all of one kind.
      - An internal one needs disks in qcow2 format, has the memory of a guest that runs, and stops the guest while it
        is made. Guests with UEFI can have one with libvirt 10.10 and later, where their variables are kept as qcow2.
      - A new snapshot is internal where the domain can have that, and external otherwise.
    type: str
    choices: [internal, external]
  memory:
    description:
      - Whether the snapshot holds the memory of the running guest, too, so that it goes on from there when it is
        reverted to. The guest stands still while it is written.
      - What an external snapshot holds of it is a file that only root reads, beside the first disk.
      - A new snapshot has it when it is internal and the guest runs, and does not otherwise.
      - A guest with a virtiofs share or a PCI device of the host can't have it.
    type: bool
  quiesce:
    description:
      - Whether the guest agent freezes the guest's file systems for the moment in which the snapshot is made. Only for
        an external snapshot of a running guest without its memory; where the guest does not run, there is no need.
      - Where nothing is stated that is done if the agent is connected.
    type: bool
  disks:
    description:
      - The disks of a new snapshot, by their names in M(burrow.vm.domain) or their targets (C(vda)).
      - Where nothing is stated these are all that the guest can write.
    type: list
    elements: str
  description:
    description:
      - A line about the snapshot. The only option that can change later.
    type: str
  allow_loss:
    description:
      - Consent to what O(state=reverted) loses. That is whatever the guest wrote since, changes of the domain's
        definition, and with external snapshots each later one. Without the consent it is refused, and the message
        names all of it.
    type: bool
    default: false
  timeout:
    description:
      - Seconds that the merge of one file may take. After that it is given up, and the disk is as it was.
    type: int
    default: 3600
notes:
  - While there is an external snapshot, the domain's disk is the new file. To M(burrow.vm.domain) it is the same disk
    as before, so that its O(burrow.vm.domain#module:disks[].source) stays as it is. It does not define a domain anew
    then.
  - M(burrow.vm.disk) refuses to change a disk that an external snapshot rests on.
  - If a run is interrupted while it merges, the next one goes on with it. Until then other runs on the domain's
    snapshots are refused.
  - If libvirtd ends while it makes a snapshot, the next run ends what was begun, or takes it back and makes the
    snapshot anew; with O(state=absent) no file of it stays. The guest runs on, and is resumed where libvirt had paused
    it.
  - Where AppArmor confines guests (Debian, Ubuntu), libvirt keeps QEMU from writing the files that lay below a disk
    when the guest was started, when it went back to a snapshot, or when another one was last merged. An external
    snapshot is merged into such a file while the domain is stopped; until it is, removing the snapshot is refused, and
    nothing is changed.
seealso:
  - module: burrow.vm.domain
  - module: burrow.vm.disk
"""

EXAMPLES = r"""
- name: Have a snapshot
  burrow.vm.snapshot:
    domain: work
    name: before-upgrade

- name: Go back to it
  burrow.vm.snapshot:
    domain: work
    name: before-upgrade
    state: reverted
    allow_loss: true

- name: Remove it
  burrow.vm.snapshot:
    domain: work
    name: before-upgrade
    state: absent

- name: Have one of the root disk alone, in a file of its own
  burrow.vm.snapshot:
    domain: work
    name: nightly
    kind: external
    disks: [root]
    description: Before the nightly run

- name: Merge it, within ten minutes
  burrow.vm.snapshot:
    domain: work
    name: nightly
    state: absent
    timeout: 600
"""

RETURN = r"""
actions:
  description: What was done, or in check mode what would be, in sentences.
  returned: success
  type: list
  elements: str
  sample: ["make internal snapshot before-upgrade of domain work (disks root, memory)"]
snapshot:
  description: The snapshot after the run, or in check mode as it would be. Of an absent one its names and state.
  returned: success
  type: dict
  contains:
    name: {description: Its name., returned: always, type: str}
    domain: {description: The domain's name., returned: always, type: str}
    state: {description: V(present) or V(absent)., returned: always, type: str}
    kind: {description: V(internal) or V(external)., returned: success, type: str}
    memory: {description: Whether it holds the guest's memory., returned: success, type: bool}
    domain_state:
      description: The domain's state when it was made, V(disk-snapshot) for a running one without its memory.
      returned: success
      type: str
    created:
      description: When it was made, in seconds since 1970; V((known after apply\)) before that.
      returned: success
      type: int
    current: {description: Whether the domain rests on this one., returned: success, type: bool}
    parent: {description: The snapshot before it., returned: success, type: str}
    description: {description: The line about it., returned: success, type: str}
    disks:
      description: What it holds of each disk. file is where the guest goes on after an external one.
      returned: success
      type: list
      elements: dict
      sample: [{name: root, kind: external, file: /x/root.nightly.qcow2}]
timings:
  description: Seconds per phase.
  returned: always
  type: dict
  sample: {observe: 0.02, apply: 0.3, verify: 0.02}
error:
  description: What was wrong, for programs.
  returned: on failure
  type: dict
  contains:
    code:
      description:
        - The kind of error, as V(invalid), V(no_domain), V(no_snapshot), V(exists), V(loss), V(mixed), V(unsaveable),
          V(no_agent), V(not_owned), V(chain_changed), V(half_removed), V(busy), V(timeout) or V(libvirt).
      returned: always
      type: str
    path: {description: The option or object that it is about., returned: always, type: str}
    hint: {description: What to do., returned: always, type: str}
"""

from ansible_collections.burrow.vm.plugins.module_utils import _run
from ansible_collections.burrow.vm.plugins.module_utils._model.arguments import LIBVIRT, STORE
from ansible_collections.burrow.vm.plugins.module_utils._model.snapshot import KINDS
from ansible_collections.burrow.vm.plugins.module_utils._resource.snapshot import build


def main() -> None:
    _run.main(
        {
            "domain": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "reverted", "absent"], "default": "present"},
            "kind": {"type": "str", "choices": list(KINDS)},
            "memory": {"type": "bool"},
            "quiesce": {"type": "bool"},
            "disks": {"type": "list", "elements": "str"},
            "description": {"type": "str"},
            "allow_loss": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 3600},
            **LIBVIRT,
            **STORE,
        },
        build,
        "snapshot",
        libvirt=True,
    )


if __name__ == "__main__":
    main()
