# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way through a hypervisor: what the ssh in between is given, as ssh and the shell read it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.plugin_utils import _ssh_proxy, _ssh_text

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def command(names: tuple[str, ...] = (), **stated: Any) -> str:
    return _ssh_proxy.command(_ssh_proxy.parse_proxy({"host": "vmhost1", **stated}), "/our config", names)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, "ssh -W [%h]:%p -- vmhost1"),
        ({"host": "2001:db8::1"}, "ssh -W [%h]:%p -- 2001:db8::1"),
        ({"user": "ada", "port": 2222}, "ssh -p 2222 -l ada -W [%h]:%p -- vmhost1"),
        ({"port": "2222"}, "ssh -p 2222 -W [%h]:%p -- vmhost1"),
        ({"identity_file": "/a b/50%"}, "ssh -i '/a b/50%%' -W [%h]:%p -- vmhost1"),
        ({"arguments": ["-o", "ControlPath=/x/%C;rm"]}, "ssh -o 'ControlPath=/x/%%C;rm' -W [%h]:%p -- vmhost1"),
    ],
)
def test_the_command(stated: dict[str, Any], expected: str) -> None:
    assert command(**stated) == expected


def test_a_key_is_named_as_ansible_reads_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.chdir(tmp_path)
    assert "-i /home/ada/key " in command(identity_file="~/key")
    assert f"-i {tmp_path}/keys/id " in command(identity_file="keys/id")


def test_a_hypervisor_that_is_a_vm_of_ours_is_found_in_our_file() -> None:
    assert command(("other",)) == "ssh -W [%h]:%p -- vmhost1"
    assert command(("vmhost1",)) == "ssh -F '/our config' -W [%h]:%p -- vmhost1"
    assert command(("vmhost1",), arguments=["-F", "/mine"]) == "ssh -F /mine -W [%h]:%p -- vmhost1"
    assert command(("vmhost1",), arguments=["-F/mine"]) == "ssh -F/mine -W [%h]:%p -- vmhost1"


def test_open_quotes_in_the_inventory_are_an_error_of_the_guest() -> None:
    with pytest.raises(SpecError, match="ansible_ssh_common_args or ansible_ssh_extra_args of vmhost1"):
        _ssh_proxy.from_variables("vmhost1", {"ansible_ssh_common_args": "-o 'X"}, local=False)


@pytest.mark.skipif(not shutil.which("ssh"), reason="needs ssh")
def test_the_ssh_in_between_gets_each_word_as_it_was(tmp_path: Path) -> None:
    """The outer ssh is real; a stand-in beside it writes down how it is called."""
    words = ["-o", "SetEnv A=b c", "it's", '"', "#no", "%h", "$HOME", "`id`", "a\\b", "a=b", ";true"]
    proxy = _ssh_proxy.parse_proxy({"host": "vmhost1", "user": "a'd%a", "arguments": words})
    params = {"name": "work", "address": "192.0.2.7", "port": 2022, "user": "ada", "host_key": KEY}
    text = _ssh_text.render_entry(
        _ssh_text.parse_entry(params, "burrow-work"), '"/k"', _ssh_proxy.command(proxy, "/our", ())
    )
    (tmp_path / "config").write_text(_ssh_text.render({"work": text}))
    (tmp_path / "bin").mkdir()
    between = tmp_path / "bin/ssh"
    between.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {shlex.quote(str(tmp_path))}/seen\n")
    between.chmod(0o755)
    real = shutil.which("ssh")
    assert real
    subprocess.run(
        [real, "-F", str(tmp_path / "config"), "-o", "BatchMode=yes", "work"],
        env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "SHELL": "/bin/sh"},
        capture_output=True,
        check=False,
        timeout=30,
    )
    seen = (tmp_path / "seen").read_text().splitlines()
    assert seen == [*words, "-l", "a'd%a", "-W", "[192.0.2.7]:2022", "--", "vmhost1"]
