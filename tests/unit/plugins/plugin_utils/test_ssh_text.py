# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ssh's files as text, judged by ssh itself where it is there."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.plugin_utils import _ssh_text as ssh

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
PARAMS = {"name": "work", "address": "192.0.2.7", "port": 22, "user": "ada", "host_key": f"{KEY} comment"}
UNKNOWN = "(known after apply)"


def entry(**more: Any) -> ssh.Entry:
    return ssh.parse_entry({**PARAMS, **more}, "burrow-work")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": "a b"}, "name: "),
    ({"name": "*"}, "name: "),
    ({"name": "work\n  ProxyCommand sh"}, "name: "),
    ({"name": "-oX"}, "name: "),
    ({"address": "-oProxyCommand=x"}, "address: "),
    ({"address": "a b"}, "address: "),
    ({"address": "a\nProxyCommand sh"}, "address: "),
    ({"address": "%h"}, "address: "),
    ({"address": ""}, "address: "),
    ({"address": None}, "address: "),
    ({"address": UNKNOWN}, "address: "),
    ({"port": 0}, "port: "),
    ({"port": 65536}, "port: "),
    ({"user": "root"}, "user: "),
    ({"user": "a b"}, "user: "),
    ({"user": "a\n"}, "user: "),
    ({"host_key": "nonsense"}, "host_key: "),
    ({"host_key": f"{KEY}\nother {KEY}"}, "host_key: "),
    ({"host_key": UNKNOWN}, "host_key: "),
    ({"identity_file": "id"}, "identity_file: "),
    ({"identity_file": '/a"b'}, "identity_file: "),
    ({"identity_file": "/a\\b"}, "identity_file: "),
    ({"identity_file": "/a${HOME}"}, "identity_file: "),
    ({"identity_file": "/a\nProxyCommand sh"}, "identity_file: "),
    ({"proxy": {"host": "-oX"}}, "proxy.host: "),
    ({"proxy": {"host": "a b"}}, "proxy.host: "),
    ({"proxy": {"host": "a;b"}}, "proxy.host: "),
    ({"proxy": {"host": "a\nProxyCommand sh"}}, "proxy.host: "),
    ({"proxy": {}}, "proxy.host: "),
    ({"proxy": {"host": "a", "port": 123456}}, "proxy.port: "),
    ({"proxy": {"host": "a", "user": "x\ny"}}, "proxy.user: "),
    ({"proxy": {"host": "a", "identity_file": "/k\n"}}, "proxy.identity_file: "),
    ({"proxy": {"host": "a", "arguments": ["-v", "x\ny"]}}, "proxy.arguments[1]: "),
]


@pytest.mark.parametrize(("more", "path"), BAD)
def test_nothing_gets_in_that_ssh_could_misread(more: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        entry(**more)
    assert str(caught.value).startswith(path)


@pytest.mark.parametrize("alias", ["", "A", "a b", "*", "a,b", "!a", "@a", "|1|x", "-a", "a\n"])
def test_bad_aliases(alias: str) -> None:
    with pytest.raises(SpecError, match=r"^alias: "):
        ssh.parse_alias(alias)


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7", "web-1.example.org", "::1", "::ffff:192.0.2.1"])
def test_addresses(address: str) -> None:
    assert entry(address=address).address == address


def test_what_is_not_known_yet_is_taken_in_check_mode_only() -> None:
    planned = ssh.parse_entry({**PARAMS, "address": UNKNOWN, "host_key": UNKNOWN}, "burrow-work", UNKNOWN)
    assert (planned.address, planned.host_key) == (UNKNOWN, UNKNOWN)


def test_entries_are_read_as_they_are_written() -> None:
    texts = {name: ssh.render_entry(entry(name=name), '"/k"') for name in ("work", "b", "a")}
    config = ssh.render(texts)
    assert ssh.entries(config) == texts
    assert list(ssh.entries(config)) == ["a", "b", "work"]
    assert ssh.alias_of(texts["a"]) == "burrow-work"
    assert ssh.render(ssh.entries(config)) == config
    assert ssh.entries("") == {}
    assert ssh.render({}) == ""


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh here")
def test_ssh_reads_what_is_meant(tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    known_hosts = ssh.quoted("/my files/50%/known_hosts", "x")
    wanted = entry(identity_file="/my files/50%/id", port=2022)
    way = "ssh -i '/my '\"'\"'key' -W [%h]:%p -- vmhost1"
    config.write_text(ssh.render({"work": ssh.render_entry(wanted, known_hosts, way)}))
    output = subprocess.run(["ssh", "-F", str(config), "-G", "work"], check=True, capture_output=True, text=True).stdout
    read = dict(line.split(" ", 1) for line in output.splitlines() if " " in line)
    assert read["hostname"] == "192.0.2.7"
    assert read["user"] == "ada"
    assert read["port"] == "2022"
    assert read["hostkeyalias"] == "burrow-work"
    assert read["stricthostkeychecking"] in ("true", "yes")
    assert read["updatehostkeys"] in ("false", "no")
    assert read["globalknownhostsfile"] == "/dev/null"
    assert read["proxycommand"] == way
    assert "50%" in read["identityfile"]
    assert "/my files/50%" in read["userknownhostsfile"]


def test_an_alias_has_one_key() -> None:
    first = ssh.with_host_key("", "burrow-work", KEY)
    assert first == f"burrow-work {KEY}\n"
    other = ssh.with_host_key(first, "burrow-web", KEY)
    assert (
        ssh.with_host_key(other, "burrow-work", "ssh-ed25519 BBBB")
        == f"burrow-web {KEY}\nburrow-work ssh-ed25519 BBBB\n"
    )
    assert ssh.with_host_key(other, "burrow-work", None) == f"burrow-web {KEY}\n"
    assert ssh.with_host_key(first, "burrow-work", None) == ""


OURS = "/home/ada/.local/share/burrow/ssh_config"
LINE = f'Include "{OURS}"\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", LINE),
        ("Host a\n  User b\n", f"{LINE}Host a\n  User b\n"),
        (f"Host a\n  {LINE}", f"{LINE}Host a\n  {LINE}"),
        (f"Match all\n{LINE}", f"{LINE}Match all\n{LINE}"),
        ("no newline", f"{LINE}no newline"),
        ("Host 'unbalanced\n", f"{LINE}Host 'unbalanced\n"),
    ],
)
def test_our_line_comes_first(before: str, after: str) -> None:
    assert ssh.with_include(before, OURS) == after


@pytest.mark.parametrize(
    "config",
    [
        LINE,
        f"# mine\nUser x\n{LINE}Host a\n",
        f"include {OURS}\n",
        f"Include=/other {OURS}\n",
        f'INCLUDE  "/other" "{OURS}"\n',
    ],
)
def test_a_line_that_counts_already_is_left(config: str) -> None:
    assert ssh.with_include(config, OURS) == config


def test_only_our_line_goes() -> None:
    assert ssh.without_include(f"{LINE}Host a\r\n  Include /other\n", OURS) == "Host a\r\n  Include /other\n"
    assert ssh.without_include("Host a", OURS) == "Host a"
