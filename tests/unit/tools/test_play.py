# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was given to make becomes one command, whatever characters are in it."""

from __future__ import annotations

import json

import pytest

from ansible_collections.burrow.vm.tools.play import given, playbook_command, ssh_command


def test_only_what_was_on_the_command_line_is_meant() -> None:
    environment = {"BURROW_GIVEN": "VM CPUS LIMIT", "VM": "web", "CPUS": "2", "LIMIT": "", "IMAGE": "registry/ci:1"}
    assert given(environment) == {"VM": "web", "CPUS": "2"}


@pytest.mark.parametrize(
    ("name", "text", "extra"),
    [
        ("VM", "a b;'\"{{ x }}$(id)", {"burrow_name": "a b;'\"{{ x }}$(id)"}),
        ("CPUS", "4", {"burrow_cpus": 4}),
        ("CPUS", "two", {"burrow_cpus": "two"}),
        ("MEMORY", "8", {"burrow_memory": "8"}),
        ("DISK", "30GiB", {"burrow_disk": "30GiB"}),
        ("ALL", "1", {"burrow_destroy_all": True}),
        ("ALL", "no", {"burrow_destroy_all": False}),
    ],
)
def test_values_travel_as_json(name: str, text: str, extra: dict[str, object]) -> None:
    command = playbook_command("up", {name: text}, [])
    assert command[:3] == ["ansible-playbook", "burrow.vm.up", "--extra-vars"]
    assert json.loads(command[3]) == extra


def test_options_and_more_arguments_follow() -> None:
    values = {"INVENTORY": "my hosts.yml", "LIMIT": "web*", "ARGS": "--check -e 'x=a b'"}
    assert playbook_command("up", values, ["--become-password-file", "-"]) == [
        *("ansible-playbook", "burrow.vm.up", "--inventory", "my hosts.yml", "--limit", "web*"),
        *("--check", "-e", "x=a b", "--become-password-file", "-"),
    ]


def test_ssh_goes_through_the_generated_config() -> None:
    environment = {"XDG_DATA_HOME": "/data home"}
    assert ssh_command({}, environment) == ["ssh", "-F", "/data home/burrow/ssh_config", "--", "burrow"]
    values = {"VM": "-oProxyCommand=x", "CMD": "echo 'a b'; id"}
    assert ssh_command(values, environment)[3:] == ["--", "-oProxyCommand=x", "echo 'a b'; id"]
