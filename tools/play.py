# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns what was given to make into one ansible-playbook command, or an ssh command, and becomes it.

Values come through the environment and leave as JSON or as one argument, so no shell ever reads them. BURROW_GIVEN
names the variables that were on make's command line: an IMAGE that a CI system happens to export is not meant.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHECKOUT = Path(__file__).resolve().parent.parent

# make's variable -> extra variable of the playbooks
EXTRA_VARIABLES = {
    "VM": "burrow_name",
    "CPUS": "burrow_cpus",
    "DISK": "burrow_disk",
    "HYPERVISOR": "burrow_hypervisor",
    "IMAGE": "burrow_image",
    "MEMORY": "burrow_memory",
    "PROFILE": "burrow_profile",
    "ALL": "burrow_destroy_all",
}
# make's variable -> option of ansible-playbook
OPTIONS = {"INVENTORY": "--inventory", "LIMIT": "--limit"}


def given(environment: Mapping[str, str]) -> dict[str, str]:
    """What the person wrote on make's command line."""
    names = environment.get("BURROW_GIVEN", "").split()
    return {name: environment[name] for name in names if environment.get(name)}


def value_of(name: str, text: str) -> object:
    """Counts are numbers and consent is a truth value; everything else is the model's to judge."""
    if name == "CPUS" and text.isascii() and text.isdigit():
        return int(text)
    if name == "ALL":
        return text.lower() in {"1", "true", "yes"}
    return text


def playbook_command(verb: str, values: Mapping[str, str], arguments: Sequence[str]) -> list[str]:
    """Build the ansible-playbook command for a verb."""
    command = ["ansible-playbook", f"burrow.vm.{verb}"]
    extra = {EXTRA_VARIABLES[name]: value_of(name, text) for name, text in values.items() if name in EXTRA_VARIABLES}
    if extra:
        command += ["--extra-vars", json.dumps(extra)]
    for name, option in OPTIONS.items():
        if name in values:
            command += [option, values[name]]
    return [*command, *shlex.split(values.get("ARGS", "")), *arguments]


def ssh_command(values: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """Build the ssh command for a VM, through the ssh config that `up` writes."""
    data_home = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    command = ["ssh", "-F", f"{data_home}/burrow/ssh_config", *shlex.split(values.get("ARGS", "")), "--"]
    command.append(values.get("VM", "burrow"))
    if "CMD" in values:
        command.append(values["CMD"])
    return command


def main() -> None:
    """Become the command."""
    verb, *arguments = sys.argv[1:]
    values = given(os.environ)
    if verb == "ssh":
        command = ssh_command(values, os.environ)
        config = Path(command[2])
        if not config.exists():
            sys.exit(f"{config} is not there: no VM was made by this user yet. Make one: make up")
        os.execvp(command[0], command)
    command = playbook_command(verb, values, arguments)
    os.execv(str(CHECKOUT / ".venv/bin" / command[0]), command)


if __name__ == "__main__":
    main()
