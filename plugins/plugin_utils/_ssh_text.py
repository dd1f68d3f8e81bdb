# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of ssh's files: our entries, known hosts, and the Include line. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.inside import parse_user
from ansible_collections.burrow.vm.plugins.module_utils._model.names import parse_name
from ansible_collections.burrow.vm.plugins.module_utils._model.public_key import parse_public_key
from ansible_collections.burrow.vm.plugins.module_utils._model.value import absolute_path, count, shown, text
from ansible_collections.burrow.vm.plugins.plugin_utils._ssh_proxy import Proxy, parse_proxy

HEADER = "# Written by burrow.vm: how each VM is reached. Changes are lost.\n"
_HOST = re.compile(r"(?m)^Host (?P<name>\S+)\n")
_ALIAS = re.compile(r"\s*HostKeyAlias (?P<alias>\S+)\n")
# A host name, an IPv4 or an IPv6 address; nothing that ssh could take for an option, a token or a list.
_ADDRESS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*", re.ASCII)
_ALIAS_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,253}", re.ASCII)
_MOST_PORTS = 65535


@dataclass(frozen=True)
class Entry:
    """How a VM is reached. identity_file is stated only for a key that ssh would not find by itself."""

    name: str
    alias: str
    address: str
    port: int
    user: str
    host_key: str
    identity_file: Optional[str] = None
    proxy: Optional[Proxy] = None


def parse_alias(value: object, path: str = "alias") -> str:
    alias = text(value, path)
    if not _ALIAS_NAME.fullmatch(alias):
        hint = "Use lower-case letters, digits, dots, hyphens and underscores: ssh lowers what it compares it with."
        raise SpecError(path, f"{shown(alias)} is not a valid alias", hint)
    return alias


def parse_entry(params: Mapping[str, object], alias: str, unknown: str = "") -> Entry:
    """An entry from a task's options. unknown is a value that check mode takes for what isn't known yet."""

    def planned(key: str) -> bool:
        return bool(unknown) and params[key] == unknown

    return Entry(
        name=parse_name(params["name"]),
        alias=alias,
        address=unknown if planned("address") else _address(params["address"]),
        port=count(params["port"], "port", least=1, most=_MOST_PORTS),
        user=parse_user(params["user"]),
        host_key=unknown if planned("host_key") else _host_key(params["host_key"]),
        identity_file=None if params.get("identity_file") is None else quoted(params["identity_file"], "identity_file"),
        proxy=None if params.get("proxy") is None else parse_proxy(params["proxy"]),
    )


def quoted(value: object, path: str) -> str:
    """A path as ssh_config takes it: in quotes, a percent sign doubled (it begins a token)."""
    line = absolute_path(value, path)
    if '"' in line or "\\" in line or "${" in line:
        raise SpecError(path, f"{shown(line)} holds a quote, a backslash or ${{", "ssh_config can't name such a path.")
    return '"' + line.replace("%", "%%") + '"'


def entries(config: str) -> dict[str, str]:
    """The text of each entry of our ssh_config, by its name."""
    found = list(_HOST.finditer(config))
    ends = [match.start() for match in found[1:]] + [len(config)]
    return {match["name"]: config[match.start() : end].rstrip() + "\n" for match, end in zip(found, ends)}


def alias_of(entry: str) -> str:
    match = _ALIAS.search(entry)
    return match["alias"] if match else ""


def render(texts: Mapping[str, str]) -> str:
    return HEADER + "".join(f"\n{texts[name]}" for name in sorted(texts)) if texts else ""


def render_entry(entry: Entry, known_hosts: str, proxy_command: Optional[str] = None) -> str:
    """known_hosts is quoted. Ours is the only file that counts, and ssh adds nothing to it."""
    options: tuple[tuple[str, Optional[object]], ...] = (
        ("HostName", entry.address),
        ("Port", entry.port),
        ("User", entry.user),
        ("IdentityFile", entry.identity_file),
        ("ProxyCommand", proxy_command),
        ("HostKeyAlias", entry.alias),
        ("UserKnownHostsFile", known_hosts),
        ("GlobalKnownHostsFile", "/dev/null"),
        ("StrictHostKeyChecking", "yes"),
        ("UpdateHostKeys", "no"),
        ("PasswordAuthentication", "no"),
    )
    lines = [f"    {key} {value}\n" for key, value in options if value is not None]
    return f"Host {entry.name}\n{''.join(lines)}"


def with_host_key(known_hosts: str, alias: str, host_key: Optional[str]) -> str:
    """known_hosts with this key as the alias's only one; without any when host_key is None."""
    others = [line for line in known_hosts.splitlines() if line.split(" ", 1)[0] != alias and line.strip()]
    lines = others if host_key is None else [*others, f"{alias} {host_key}"]
    return "".join(f"{line}\n" for line in sorted(lines))


def with_include(config: str, path: str) -> str:
    """The caller's own configuration with our Include line first, unless it counts already.

    Below a `Host` or `Match` line it would belong to that block only.
    """
    for line in config.splitlines():
        words = _words(line)
        if words[:1] in (["host"], ["match"]):
            break
        if words[:1] == ["include"] and path in words[1:]:
            return config
    return f"{include_line(path)}\n{config}"


def without_include(config: str, path: str) -> str:
    ours = include_line(path)
    return "".join(line for line in config.splitlines(keepends=True) if line.strip() != ours)


def include_line(path: str) -> str:
    return f'Include "{path}"'


def _words(line: str) -> list[str]:
    """The words of a line, the keyword in lower case; ssh takes `Key=value` too."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return []
    if words and "=" in words[0]:
        words = [*words[0].split("=", 1), *words[1:]]
    return [words[0].lower(), *words[1:]] if words else []


def _address(value: object) -> str:
    line = text(value, "address")
    if not _ADDRESS.fullmatch(line):
        raise SpecError(
            "address", f"{shown(line)} is neither an address nor a host name", "Write one, as in 192.0.2.7."
        )
    return line


def _host_key(value: object) -> str:
    key = parse_public_key(value, "host_key")
    return f"{key.type} {key.blob}"
