# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The caller's ssh files: what they are made to say, as one change of up to three files."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError, SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import files
from ansible_collections.burrow.vm.plugins.plugin_utils import _ssh_text as ssh
from ansible_collections.burrow.vm.plugins.plugin_utils._caller_files import CallerFiles
from ansible_collections.burrow.vm.plugins.plugin_utils._ssh_proxy import command

_CONFIG_MODE = 0o600
_KNOWN_HOSTS_MODE = 0o644
_DIRECTORY_MODE = 0o700
# A path in an Include line is a pattern.
_PATTERN = frozenset('*?[]"\\')


@dataclass(frozen=True)
class FileChange:
    """One file's text before and after. after is None for a file that goes."""

    path: str
    before: Optional[str]
    after: Optional[str]
    mode: int
    action: str

    def diff(self) -> dict[str, str]:
        """The lines that go and those that come: the rest may be the caller's own matter."""
        before, after = ((text or "").splitlines(keepends=True) for text in (self.before, self.after))
        return {
            "before_header": self.path,
            "after_header": self.path,
            "before": "".join(line for line in before if line not in after),
            "after": "".join(line for line in after if line not in before),
        }

    def apply(self) -> None:
        if self.after is None:
            files.remove(self.path)
        else:
            files.write(self.path, self.after.encode("utf-8", "surrogateescape"), self.mode)


@dataclass(frozen=True)
class Texts:
    """The three files as they are; None where there is none. problem: why the caller's own can't be read."""

    config: Optional[str]
    known_hosts: Optional[str]
    user_config: Optional[str]
    problem: Optional[HostError] = None


def observe(place: CallerFiles) -> Texts:
    ours = (_read(place.ssh_config), _read(place.known_hosts))
    try:
        return Texts(*ours, _read(place.user_config))
    except HostError as error:
        return Texts(*ours, None, error)


def plan_present(place: CallerFiles, texts: Texts, entry: ssh.Entry, include: bool) -> list[FileChange]:
    present = ssh.entries(texts.config or "")
    way = command(entry.proxy, place.ssh_config, present.keys() - {entry.name}) if entry.proxy else None
    rendered = ssh.render_entry(entry, ssh.quoted(place.known_hosts, "known_hosts"), way)
    before = present.get(entry.name)
    known = texts.known_hosts or ""
    if before is not None and ssh.alias_of(before) != entry.alias:
        known = ssh.with_host_key(known, ssh.alias_of(before), None)
    known = ssh.with_host_key(known, entry.alias, entry.host_key)
    config = ssh.render({**present, entry.name: rendered})
    verb = "add" if before is None else "change"
    wanted = [
        FileChange(place.known_hosts, texts.known_hosts, known, _KNOWN_HOSTS_MODE, f"pin the host key of {entry.name}"),
        FileChange(place.ssh_config, texts.config, config, _CONFIG_MODE, f"{verb} the ssh entry {entry.name}"),
        *_user_change(place, texts, present=include),
    ]
    return [change for change in wanted if change.before != change.after]


def plan_absent(place: CallerFiles, texts: Texts, name: str, alias: Optional[str]) -> list[FileChange]:
    """alias, when stated, keeps an entry of that name that another hypervisor's VM has taken."""
    present = ssh.entries(texts.config or "")
    entry = present.pop(name, None)
    if entry is None or (alias is not None and ssh.alias_of(entry) != alias):
        return []
    known = ssh.with_host_key(texts.known_hosts or "", ssh.alias_of(entry), None)
    wanted = [
        FileChange(
            place.ssh_config,
            texts.config,
            ssh.render(present) if present else None,
            _CONFIG_MODE,
            f"remove the ssh entry {name}",
        ),
        FileChange(
            place.known_hosts, texts.known_hosts, known or None, _KNOWN_HOSTS_MODE, f"forget the host key of {name}"
        ),
    ]
    if not present:
        wanted = [*_user_change(place, texts, present=False), *wanted]
    return [change for change in wanted if change.before != change.after]


def user_path(place: CallerFiles) -> str:
    """The file behind the caller's own configuration: a link stays one, what it leads to is written."""
    return os.path.realpath(place.user_config)


def included(place: CallerFiles, config: Optional[str]) -> bool:
    """Whether plain `ssh NAME` finds our entries."""
    return place.effective and config is not None and ssh.with_include(config, place.ssh_config) == config


def apply(place: CallerFiles, texts: Texts, changes: list[FileChange]) -> tuple[list[FileChange], list[str]]:
    """Write the files; the caller's own comes as it can. Returns the changes that were made, and warnings.

    Somebody else may manage that file (a dotfile manager's read-only link): without the line, `ssh -F` still works.
    """
    made: list[FileChange] = []
    problems = [texts.problem] if texts.problem else []
    for change in changes:
        try:
            if change.path == user_path(place):
                _make_ssh_directory(change.path)
            change.apply()
            made.append(change)
        except HostError as error:
            if change.path != user_path(place):
                raise
            problems.append(error)
    hint = f"Use `ssh -F {place.ssh_config}`, or set burrow_ssh_include to false."
    return made, [f"{problem}. {hint}" for problem in problems]


def _user_change(place: CallerFiles, texts: Texts, *, present: bool) -> list[FileChange]:
    if texts.problem:
        return []
    path = user_path(place)
    before = texts.user_config
    if present:
        if _PATTERN & set(place.ssh_config):
            hint = "Set XDG_DATA_HOME to a plain path, or burrow_ssh_include to false."
            raise SpecError("include", f"an Include line can't name {place.ssh_config!r}", hint)
        after: Optional[str] = ssh.with_include(before or "", place.ssh_config)
    else:
        after = None if before is None else ssh.without_include(before, place.ssh_config)
        if not after and before == f"{ssh.include_line(place.ssh_config)}\n":
            # It held nothing but our line, so we had made it.
            after = None
    verb = "add an Include line for burrow's VMs to" if present else "remove the Include line from"
    return [FileChange(path, before, after, _mode(path), f"{verb} {place.user_config}")]


def _mode(path: str) -> int:
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return _CONFIG_MODE


def _make_ssh_directory(path: str) -> None:
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        files.make_directory(directory, _DIRECTORY_MODE)


def _read(path: str) -> Optional[str]:
    data = files.read(path)
    return None if data is None else data.decode("utf-8", "surrogateescape")


def result(place: CallerFiles, name: str, alias: str, *, include: bool) -> Mapping[str, object]:
    command = f"ssh {name}" if include else f"ssh -F {place.ssh_config} {name}"
    return {
        "name": name,
        "alias": alias,
        "config": place.ssh_config,
        "known_hosts": place.known_hosts,
        "include": place.user_config if include else None,
        "command": command,
    }
