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
      - Where libvirt is.
    type: str
    default: qemu:///system
"""

    # For modules that do nothing without libvirt-python.
    PYTHON = r"""
options: {}
requirements:
  - libvirt-python (package C(python3-libvirt)); the module finds it in the distribution's Python
"""
