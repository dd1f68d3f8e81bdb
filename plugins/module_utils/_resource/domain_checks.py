# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a definition needs of its host: refused here, by name, before anything changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from .._errors import SpecError
from .._model.domain import Definition
from .._model.forward import Forward
from .._model.share import refused_directory
from .._model.value import UNKNOWN

_PREPARE = "Apply role burrow.vm.hypervisor to this host (playbook burrow.vm.prepare)."


@dataclass(frozen=True)
class Surroundings:
    """directories: share -> where it leads. taken: a forward that can't listen -> why. most_cpus 0: not known."""

    most_cpus: int = 0
    directories: Mapping[str, str] = field(default_factory=dict)
    hook: bool = True
    taken: Mapping[Forward, str] = field(default_factory=dict)


def check(definition: Definition, around: Surroundings) -> None:
    """Raise for what can't be had on this host."""
    if around.most_cpus and (definition.cpus or 0) > around.most_cpus:
        problem = f"{definition.cpus} is more than the hypervisor can give"
        raise SpecError("cpus", problem, f"Write a number from 1 to {around.most_cpus}.")
    _check_shares(definition, around)
    for index, forward in enumerate(definition.forwards or ()):
        if forward in around.taken:
            problem = f"port {forward.host_port} of {forward.address} {around.taken[forward]}"
            raise SpecError(f"forwards[{index}].host_port", problem, "Choose another host_port.")


def _check_shares(definition: Definition, around: Surroundings) -> None:
    for index, share in enumerate(definition.filesystems or ()):
        path, source = f"filesystems[{index}].source", share.source or ""
        real = around.directories.get(source)
        if real is None:
            raise SpecError(path, f"{source!r} is not a directory of this host", "Make it, or share another one.")
        if refused_directory(real):
            raise SpecError(path, f"{source!r} leads to {real}, a system directory", "Share another directory.")
    if definition.filesystems and not around.hook:
        raise SpecError("filesystems", "this host lacks the libvirt hook that binds shares", _PREPARE, "no_hook")


def check_files(definition: Definition, missing: Mapping[str, str]) -> None:
    """missing: path -> why. In check mode a disk may be a planned one, so this is asked only before it is used."""
    for path, option in used_files(definition).items():
        if path == UNKNOWN:
            raise SpecError(option, "it is not known", "State a path; this value is for check mode only.")
        if path in missing:
            raise SpecError(option, f"{path!r} {missing[path]}", "Make it first (burrow.vm.disk, burrow.vm.image).")


def used_files(definition: Definition) -> dict[str, str]:
    """path -> option of the files that a guest is started from."""
    found: dict[str, Optional[str]] = {}
    for index, disk in enumerate(definition.disks or ()):
        found[f"disks[{index}].source"] = disk.source
        found[f"disks[{index}].base"] = disk.base
    found["kernel.path"] = definition.kernel
    found["kernel.initrd"] = definition.initrd
    return {path: option for option, path in found.items() if path is not None}
