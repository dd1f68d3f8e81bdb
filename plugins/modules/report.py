#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of report; the work is done by the action plugin of this name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
author:
  - burrow.vm contributors (@burrow-vm)
short_description: Show guests as a table
description:
  - Prints one readable table of guests, what changed for each and, for those that failed, phase, cause and next step.
  - Text from guests is shown without control characters.
options:
  title:
    description: Heading.
    type: str
  guests:
    description: The rows. A key that is missing reads C(-).
    type: list
    elements: dict
    suboptions:
      name:
        description: The guest's name.
        type: str
        required: true
      state:
        description: Its state.
        type: str
      address:
        description: Its address.
        type: str
      reach:
        description: The command that reaches it.
        type: str
      image:
        description: The image it was made from.
        type: str
      accelerator:
        description: What runs its CPUs.
        type: str
      changes:
        description: What was done, in sentences.
        type: list
        elements: str
      timings:
        description: Seconds per phase, in their order.
        type: dict
      restart_required:
        description: What waits for a restart.
        type: list
        elements: str
      reset_required:
        description: What waits for a reset.
        type: list
        elements: str
      warnings:
        description: What else is to be known.
        type: list
        elements: str
      error:
        description: Why the guest failed, with V(phase), V(msg), V(hint) and V(console).
        type: dict
  text:
    description: Further text, shown under the heading, line by line.
    type: str
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.full
  - burrow.vm._attributes.controller
attributes:
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Show a guest
  burrow.vm.report:
    guests:
      - name: work
        state: running
        address: 192.0.2.7
        reach: ssh work
"""

RETURN = r"""
report:
  description: The lines that were printed.
  returned: always
  type: list
  elements: str
"""
