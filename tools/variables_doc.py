# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/variables.md from the model's table of variables: `python -m tools.variables_doc`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = CHECKOUT / "docs/variables.md"
if __name__ == "__main__":
    sys.path.insert(0, str(CHECKOUT / ".venv/collections"))

from ansible_collections.burrow.vm.plugins.module_utils._model.guest_keys import GUEST, KEYS, RUN, Key  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = """\
# Variables

<!-- Made by `python -m tools.variables_doc` from plugins/module_utils/_model/guest_keys.py. -->

What describes a VM is a variable `burrow_*` of its inventory host: of the host, of its groups, or given with `-e`.
What nobody states is decided once, when the VM is made, and is not managed afterwards: the column *at creation* is no
default that an existing VM is pulled back to. A [profile](profiles.md) says the same keys without the prefix, and every
variable wins over it.

Sizes have a unit and are binary, in any case: `8GiB`, `8gb`, `512M`. An unknown `burrow_*` variable is refused, with
the nearest right name.

## Of a VM
"""
BETWEEN = """
## Of a run

Given with `-e`, as in `ansible-playbook burrow.vm.up -e burrow_name=web`.
"""


def page() -> str:
    """Write the page."""
    guest, run = (
        section([key for key in KEYS if key.scope == scope], default)
        for scope, default in ((GUEST, "At creation"), (RUN, "Default"))
    )
    return f"{HEAD}\n{guest}{BETWEEN}\n{run}"


def section(keys: Iterable[Key], default: str) -> str:
    """Write the table of some keys, and below it the tables of those that have keys of their own."""
    keys = list(keys)
    rows = [f"| Variable | Type | {default} | Meaning |", "|---|---|---|---|", *map(row, keys)]
    return "\n".join(rows) + "\n" + "".join(suboptions(key) for key in keys if key.suboptions)


def row(key: Key) -> str:
    """Write one key's row."""
    of_what = {"": "", "raw": " of mappings or strings", "dict": " of mappings", "str": " of strings"}[key.elements]
    choices = f" One of {', '.join(f'`{choice}`' for choice in key.choices)}." if key.choices else ""
    meaning = markdown(key.description) + choices
    return f"| `burrow_{key.name}` | {key.type}{of_what} | {shown(key.default)} | {meaning} |"


def suboptions(key: Key) -> str:
    """Write the table of the keys that an entry of a list has."""
    rows = [f"| `{name}` | {kind} | {markdown(description)} |" for name, kind, description in key.suboptions]
    what = "Keys" if key.type == "dict" else "Each entry"
    head = [f"\n{what} of `burrow_{key.name}`:\n", "| Key | Type | Meaning |", "|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def shown(default: object) -> str:
    """Write a default as a person would state it."""
    if default is None:
        return "-"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        entries = ["{" + ", ".join(f"{name}: {value}" for name, value in entry.items()) + "}" for entry in default]
        return f"`[{', '.join(entries)}]`"
    return f"`{default}`"


def markdown(text: str) -> str:
    """Turn Ansible's markup into Markdown's; a bar would end the cell."""
    return re.sub(r"\b[CV]\((.*?)\)", r"`\1`", text).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
