# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to the collection: where everything lies. The options are those of STORE in module_utils."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  data:
    description:
      - The collection's data directory, where images and guests are.
      - Its locks keep two runs from working on the same image or guest at the same time.
    type: path
    default: /var/lib/burrow
"""
