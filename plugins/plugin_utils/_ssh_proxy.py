# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a guest through its hypervisor, as a ProxyCommand. Pure.

ProxyJump won't do: ssh gives its own -F to the ssh that it jumps by, so behind `ssh -F <our ssh_config>`, which is what
Ansible is told, neither the caller's own entries nor what the inventory says of the hypervisor would count.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.value import count, mapping, sequence, shown, text

# An alias of the caller's, a host name or an address; nothing that ssh could take for an option.
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?", re.ASCII)
# Which of an inventory host's variables say how Ansible reaches it, the one that counts first.
_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "host": ("ansible_host", "ansible_ssh_host"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "identity_file": ("ansible_private_key_file", "ansible_ssh_private_key_file"),
}
_ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args")
VARIABLES = ("ansible_connection", *(name for names in _VARIABLES.values() for name in names), *_ARGUMENTS)
_MOST_PORTS = 65535


@dataclass(frozen=True)
class Proxy:
    """A hypervisor as it is logged in to. What isn't stated is left to the caller's own ssh configuration."""

    host: str
    port: Optional[int] = None
    user: Optional[str] = None
    identity_file: Optional[str] = None
    arguments: tuple[str, ...] = ()


def from_variables(name: str, variables: Mapping[str, Any], *, local: bool) -> Optional[dict[str, Any]]:
    """Module ssh_config's option `proxy`, from what the inventory says of a hypervisor; None for this very host."""
    if variables.get("ansible_connection", "local" if local else "ssh") == "local":
        return None
    found: dict[str, Any] = {"host": name}
    for key, candidates in _VARIABLES.items():
        value = next((variables[candidate] for candidate in candidates if variables.get(candidate)), None)
        if value is not None:
            found[key] = value
    try:
        arguments = [word for key in _ARGUMENTS for word in shlex.split(str(variables.get(key) or ""))]
    except ValueError as error:
        where = f"{_ARGUMENTS[0]} or {_ARGUMENTS[1]} of {name}"
        raise SpecError(
            "burrow_hypervisor", f"{where} can't be split into words: {error}", "Close the quotes."
        ) from None
    if arguments:
        found["arguments"] = arguments
    return found


def parse_proxy(value: object, path: str = "proxy") -> Proxy:
    stated = mapping(value, path)
    host = text(stated.get("host"), f"{path}.host")
    if not _HOST.fullmatch(host):
        hint = "Write an alias of your ssh configuration, a host name or an address."
        raise SpecError(f"{path}.host", f"{shown(host)} is none of a host", hint)
    port, user, identity = (stated.get(key) for key in ("port", "user", "identity_file"))
    arguments = [
        _word(word, f"{path}.arguments[{index}]")
        for index, word in enumerate(sequence(stated.get("arguments") or [], f"{path}.arguments"))
    ]
    return Proxy(
        host,
        None if port is None else count(port, f"{path}.port", least=1, most=_MOST_PORTS),
        None if user is None else _word(user, f"{path}.user"),
        # As Ansible reads it.
        None if identity is None else os.path.abspath(os.path.expanduser(_word(identity, f"{path}.identity_file"))),
        tuple(arguments),
    )


def command(proxy: Proxy, config: str, names: Collection[str]) -> str:
    """The ProxyCommand. config is our own ssh_config, and names are those that it has entries of.

    A hypervisor that is a VM of ours is found there, whether or not the caller's own configuration includes it.
    """
    words = ["ssh", *proxy.arguments]
    if proxy.host in names and not any(word.startswith("-F") for word in proxy.arguments):
        words += ["-F", config]
    if proxy.identity_file is not None:
        words += ["-i", proxy.identity_file]
    if proxy.port is not None:
        words += ["-p", str(proxy.port)]
    if proxy.user is not None:
        words += ["-l", proxy.user]
    # ssh puts the guest's address and port into the last of it, and nowhere else.
    escaped = [shlex.quote(word).replace("%", "%%") for word in words]
    return " ".join([*escaped, "-W", "[%h]:%p", "--", proxy.host.replace("%", "%%")])


def _word(value: object, path: str) -> str:
    """One word of the command; whatever is in it, the shell is given it quoted."""
    word = text(str(value), path)
    if not word.isprintable():
        raise SpecError(path, f"{shown(word)} holds a control character", "Leave it out.")
    return word
