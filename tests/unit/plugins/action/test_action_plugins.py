# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugins, run as Ansible runs them, on real files of a caller who has nothing yet."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.display import Display

from ansible_collections.burrow.vm.plugins.action import caller as caller_plugin
from ansible_collections.burrow.vm.plugins.action import report as report_plugin
from ansible_collections.burrow.vm.plugins.action import ssh_config as ssh_config_plugin
from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import files as gateway
from ansible_collections.burrow.vm.plugins.plugin_utils import _caller, _caller_files

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJiazgDj4g41LDOWGp9sgWZWrw31Al395OY9Qqs89BVW"
needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no OpenSSH here")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A caller's home directory without anything, which ssh would read too."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "SSH_AUTH_SOCK", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_caller_files, "_ssh_home", lambda _home: str(tmp_path))
    monkeypatch.setattr(_caller, "login_name", lambda: "ada")
    return tmp_path


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(Display, "display", lambda _self, line, **_options: lines.append(line))
    return lines


def run(module: Any, arguments: Optional[dict[str, Any]] = None, *, check: bool = False) -> dict[str, Any]:
    loader = DataLoader()
    task = SimpleNamespace(args=arguments or {}, check_mode=check, diff=False, async_val=0, action="x", _role=None)
    action: ActionBase = module.ActionModule(
        task=task,
        connection=SimpleNamespace(_shell=SimpleNamespace(tmpdir=None)),
        play_context=PlayContext(),
        loader=loader,
        templar=Templar(loader=loader),
        shared_loader_obj=None,
    )
    result: dict[str, Any] = action.run(task_vars={})
    return result


def ssh_config(*, check: bool = False, **arguments: Any) -> dict[str, Any]:
    entry = {"name": "work", "address": "192.0.2.7", "user": "ada", "host_key": KEY}
    if arguments.get("state") == "absent":
        entry = {"name": "work"}
    return run(ssh_config_plugin, {**entry, **arguments}, check=check)


def files(home: Path) -> dict[str, str]:
    """Every file, and what is in it; locks aside."""
    return {
        str(path.relative_to(home)): path.read_text()
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_entry_comes_and_goes(home: Path, shown: list[str]) -> None:
    planned = ssh_config(check=True)
    assert (planned["changed"], files(home), list(home.iterdir())) == (True, {}, [])
    made = ssh_config()
    assert made["changed"]
    assert made["actions"] == planned["actions"]
    assert made["ssh"] == planned["ssh"]
    assert made["ssh"]["command"] == "ssh work"
    data = home / ".local/share/burrow"
    assert files(home)[".ssh/config"] == f'Include "{data}/ssh_config"\n'
    assert (data / "known_hosts").read_text() == f"burrow-work {KEY}\n"
    assert (mode(data), mode(data / "ssh_config"), mode(data / "known_hosts")) == (0o700, 0o600, 0o644)
    assert (mode(home / ".ssh"), mode(home / ".ssh/config")) == (0o700, 0o600)
    assert [line for line in shown if "Include" in line and "would" not in line] == [
        f"burrow: add an Include line for burrow's VMs to {home}/.ssh/config (not with burrow_ssh_include: false)"
    ]
    again = ssh_config()
    assert (again["changed"], again["actions"], again["diff"]) == (False, [], [])
    assert ssh_config(state="absent", check=True)["changed"]
    assert len(files(home)) == 3
    assert ssh_config(state="absent")["changed"]
    assert files(home) == {}
    assert not ssh_config(state="absent")["changed"]


def test_absent_makes_nothing(home: Path) -> None:
    assert not ssh_config(state="absent")["changed"]
    assert list(home.iterdir()) == []


def test_the_callers_own_configuration_is_kept(home: Path) -> None:
    own = home / ".ssh/config"
    own.parent.mkdir(mode=0o700)
    text = "Host *\r\n  User caf\udce9\n# end"
    own.write_bytes(text.encode("utf-8", "surrogateescape"))
    own.chmod(0o640)
    made = ssh_config()
    assert own.read_bytes().split(b"\n", 1)[1] == text.encode("utf-8", "surrogateescape")
    assert mode(own) == 0o640
    assert "User" not in str([diff for diff in made["diff"] if diff["after_header"] == str(own)])
    ssh_config(state="absent")
    assert own.read_bytes() == text.encode("utf-8", "surrogateescape")


def test_a_linked_configuration_stays_a_link(home: Path) -> None:
    (home / "dotfiles").mkdir()
    real = home / "dotfiles/config"
    real.write_text("Host a\n")
    (home / ".ssh").mkdir()
    (home / ".ssh/config").symlink_to(real)
    ssh_config()
    assert (home / ".ssh/config").is_symlink()
    assert real.read_text().startswith("Include ")


@pytest.mark.parametrize("obstacle", ["unreadable", "unwritable"])
def test_one_that_cannot_be_used_is_a_warning(home: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str) -> None:
    if obstacle == "unreadable":
        (home / ".ssh/config").mkdir(parents=True)
    else:
        write = gateway.write

        def refuse(path: str, data: bytes, mode: int = 0o644) -> None:
            if path.startswith(str(home / ".ssh")):
                raise HostError("write", path, "Read-only file system")
            write(path, data, mode)

        monkeypatch.setattr(gateway, "write", refuse)
    made = ssh_config()
    assert made["ssh"]["command"] == f"ssh -F {home}/.local/share/burrow/ssh_config work"
    assert made["ssh"]["include"] is None
    assert "ssh -F" in made["warnings"][0]
    assert not ssh_config()["changed"]


def test_the_line_can_be_declined(home: Path, shown: list[str]) -> None:
    made = ssh_config(include=False)
    assert made["ssh"]["command"].startswith("ssh -F ")
    assert ".ssh/config" not in files(home)
    ssh_config()
    assert ".ssh/config" in files(home)
    ssh_config(include=False)
    assert ".ssh/config" not in files(home)
    assert shown[-1] == f"burrow: remove the Include line from {home}/.ssh/config"


def test_the_line_stays_until_the_last_entry_goes(home: Path) -> None:
    ssh_config()
    ssh_config(name="web")
    ssh_config(state="absent")
    assert ".ssh/config" in files(home)
    assert "burrow-work" not in files(home)[".local/share/burrow/known_hosts"]
    ssh_config(name="web", state="absent")
    assert files(home) == {}


def test_a_new_key_replaces_the_old_one(home: Path) -> None:
    ssh_config()
    changed = ssh_config(host_key=OTHER_KEY)
    assert changed["actions"] == ["pin the host key of work"]
    ssh_config(alias="burrow-vmhost1-work", host_key=OTHER_KEY)
    assert files(home)[".local/share/burrow/known_hosts"] == f"burrow-vmhost1-work {OTHER_KEY}\n"


def test_another_hypervisors_entry_is_left(home: Path) -> None:
    ssh_config(alias="burrow-vmhost1-work")
    assert not ssh_config(state="absent", alias="burrow-work")["changed"]
    assert ssh_config(state="absent", alias="burrow-vmhost1-work")["changed"]


def test_forks_do_not_lose_each_others_entries(home: Path) -> None:
    names = [f"vm{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda name: ssh_config(name=name), names))
    assert all(result["changed"] for result in results)
    text = files(home)
    assert text[".ssh/config"].count("Include") == 1
    assert len(text[".local/share/burrow/known_hosts"].splitlines()) == 24
    assert text[".local/share/burrow/ssh_config"].count("\nHost ") == 24


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"name": "a\nHost b"}, "name"),
        ({"address": "(known after apply)"}, "address"),
        ({"host_key": "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary"}, "host_key"),
        ({"alias": "A B"}, "alias"),
    ],
)
def test_an_error_is_typed_and_nothing_is_written(home: Path, arguments: dict[str, Any], path: str) -> None:
    result = ssh_config(**arguments)
    assert result["failed"]
    assert result["error"]["path"] == path
    assert "canary" not in str(result)
    assert files(home) == {}


def test_what_is_not_known_yet_can_be_planned(home: Path) -> None:
    planned = ssh_config(address="(known after apply)", host_key="(known after apply)", check=True)
    assert planned["changed"]
    assert files(home) == {}


def test_the_directory_follows_xdg(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    assert ssh_config()["ssh"]["config"] == f"{home}/data/burrow/ssh_config"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert ssh_config()["ssh"]["config"] == f"{home}/.local/share/burrow/ssh_config"


def test_a_path_that_an_include_line_cannot_name_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "a*b"))
    assert ssh_config()["error"]["path"] == "include"


@needs_ssh
def test_a_caller_without_a_key_gets_one(home: Path) -> None:
    planned = run(caller_plugin, check=True)
    assert (planned["changed"], planned["caller"]["public_key"]) == (True, "(known after apply)")
    assert (planned["caller"]["authorized_keys"], files(home)) == ([], {})
    made = run(caller_plugin)
    key = home / ".local/share/burrow/id_ed25519"
    assert made["changed"]
    assert made["actions"] == planned["actions"]
    assert made["caller"]["user"] == "ada"
    assert made["caller"]["identity_file"] == str(key)
    assert made["caller"]["authorized_keys"] == [key.with_suffix(".pub").read_text().strip()]
    assert (mode(key), mode(key.parent)) == (0o600, 0o700)
    assert "PRIVATE" not in str(made)
    again = run(caller_plugin)
    assert not again["changed"]
    assert again["caller"] == made["caller"]


@needs_ssh
def test_a_half_made_pair_is_completed(home: Path) -> None:
    made = run(caller_plugin)["caller"]
    key = Path(made["identity_file"])
    key.with_suffix(".pub").unlink()
    again = run(caller_plugin)["caller"]
    assert again["authorized_keys"][0].split()[:2] == made["authorized_keys"][0].split()[:2]
    key.unlink()
    assert run(caller_plugin)["caller"]["authorized_keys"] != made["authorized_keys"]


def keygen(home: Path, name: str, passphrase: str = "", kind: str = "ed25519") -> str:
    path = home / ".ssh" / name
    path.parent.mkdir(exist_ok=True, mode=0o700)
    arguments = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", name, "-f", str(path)]
    subprocess.run(arguments, check=True)
    return path.with_suffix(".pub").read_text().strip()


@needs_ssh
def test_a_key_that_ssh_offers_is_enough(home: Path) -> None:
    line = keygen(home, "id_ed25519")
    found = run(caller_plugin)
    assert not found["changed"]
    assert (found["caller"]["authorized_keys"], found["caller"]["identity_file"]) == ([line], None)


@needs_ssh
@pytest.mark.parametrize(("name", "passphrase"), [("id_ed25519", "secret"), ("id_work", "")])
def test_a_key_that_ssh_does_not_offer_by_itself_is_not(home: Path, name: str, passphrase: str) -> None:
    line = keygen(home, name, passphrase)
    found = run(caller_plugin)
    assert found["changed"]
    assert len(found["caller"]["authorized_keys"]) == 2
    assert line in found["caller"]["authorized_keys"]


@needs_ssh
def test_a_public_file_without_its_private_half_is_nobodys(home: Path) -> None:
    keygen(home, "id_ed25519")
    (home / ".ssh/id_ed25519").unlink()
    assert len(run(caller_plugin)["caller"]["authorized_keys"]) == 1


@needs_ssh
def test_keys_that_ssh_reads_elsewhere_do_not_count(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keygen(home, "id_ed25519")
    monkeypatch.setattr(_caller_files, "_ssh_home", lambda _home: "/nowhere")
    assert run(caller_plugin)["changed"]


@needs_ssh
def test_the_agents_keys_count(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The socket's path may have 108 bytes.
    socket = Path(os.path.relpath(home / "agent"))
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        line = keygen(home, "id_other")
        for _attempt in range(100):
            if (
                subprocess.run(
                    ["ssh-add", "-q", str(home / ".ssh/id_other")],
                    env={**os.environ, "SSH_AUTH_SOCK": str(socket)},
                    check=False,
                ).returncode
                == 0
            ):
                break
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        found = run(caller_plugin)
    finally:
        agent.kill()
        agent.wait()
    assert not found["changed"]
    assert found["caller"]["authorized_keys"] == [line]


@needs_ssh
def test_a_dead_agent_is_no_agent(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "gone"))
    assert run(caller_plugin)["changed"]


@pytest.mark.parametrize(
    ("login", "sudo_user", "user"),
    [
        ("ada", "", "ada"),
        ("ada", "eve", "ada"),
        ("root", "", "burrow"),
        ("root", "ada", "ada"),
        ("root", "root", "burrow"),
        ("Ada.Lovelace", "", "ada-lovelace"),
        ("LAB\\ada", "", "lab-ada"),
        ("1ada", "", "burrow"),
        ("", "", "burrow"),
        ("x" * 40, "", "x" * 32),
    ],
)
def test_the_guests_user(login: str, sudo_user: str, user: str) -> None:
    assert _caller.user_name(login, {"SUDO_USER": sudo_user}) == user


def test_the_report_is_printed_once(shown: list[str]) -> None:
    arguments = {"title": "Guests", "text": "two\nlines", "guests": [{"name": "a", "error": {"msg": "no"}}]}
    result = run(report_plugin, arguments)
    assert result["changed"] is False
    assert shown == result["report"]
    assert shown[:3] == ["Guests", "two", "lines"]
    assert shown[-2:] == ["FAILED a", "  cause:   no"]


def test_a_report_of_nothing(shown: list[str]) -> None:
    assert run(report_plugin)["report"] == shown == []
