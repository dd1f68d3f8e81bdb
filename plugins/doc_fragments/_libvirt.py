# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to the collection: how a module reaches libvirt. The options are those of LIBVIRT in module_utils."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  uri:
    description:
      - Where libvirt is, 8.0 or later. V(qemu:///system) is the host's own, V(qemu:///session) the one of the user that
        the task runs as.
      - V(qemu+unix:///system?socket=/path) is reached by another socket, V(qemu+ssh://user@host/system) through C(ssh),
        which never asks at a terminal.
      - Files (disks, locks, shares) are those of the host that the task runs on, so that most tasks belong on the
        hypervisor itself. M(burrow.vm.domain_info) needs no files.
      - V(test:///default) is libvirt's test driver, which forgets everything when the task ends.
    type: str
    default: qemu:///system
"""

    # For modules that do nothing without libvirt-python.
    PYTHON = r"""
options: {}
requirements:
  - libvirt-python (package C(python3-libvirt)); the module finds it in the distribution's Python
"""
