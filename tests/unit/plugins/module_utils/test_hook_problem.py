# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the libvirt hook from binding shared directories."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._gateway import system

HOOK = b"#!/usr/bin/python3 -IS\npass\n"
CHECKSUM = hashlib.sha256(b"pass\n").hexdigest()
TASKS = Path(__file__).parents[4] / "roles/hypervisor/tasks/hook.yml"


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in (("_PROFILES", "profiles"), ("_PROFILE", "{}"), ("_PROFILE_LOCAL", "local-{}")):
        monkeypatch.setattr(system, name, str(tmp_path / value))
    path = tmp_path / "hook"
    path.write_bytes(HOOK)
    path.chmod(0o755)
    return path


def test_a_hook_that_is_wanted(hook: Path) -> None:
    assert system.hook_problem(str(hook), CHECKSUM) == ""
    assert "another version" in system.hook_problem(str(hook), "0" * 64)
    hook.chmod(0o644)
    assert "not executable" in system.hook_problem(str(hook), CHECKSUM)
    hook.unlink()
    assert "missing" in system.hook_problem(str(hook), CHECKSUM)


def test_apparmor_has_to_let_it_mount(hook: Path, tmp_path: Path) -> None:
    (tmp_path / "profiles").write_text("libvirtd (enforce)\n")
    # libvirt isn't there yet: the role writes the rules before its package comes.
    assert system.hook_problem(str(hook), CHECKSUM) == ""
    (tmp_path / "libvirtd").write_text("profile libvirtd {}\n")
    assert "AppArmor" in system.hook_problem(str(hook), CHECKSUM)
    rules = re.findall(r"^ +((?:mount|remount|umount) .*,)$", TASKS.read_text(), re.MULTILINE)
    assert len(rules) == 3
    (tmp_path / "local-libvirtd").write_text("\n".join(rules))
    assert system.hook_problem(str(hook), CHECKSUM) == ""
    # The modular daemon has a profile of its own.
    assert system.hook_problem(str(hook), CHECKSUM, "virtqemud") == ""
    (tmp_path / "virtqemud").write_text("profile virtqemud {}\n")
    assert "AppArmor" in system.hook_problem(str(hook), CHECKSUM, "virtqemud")
    (tmp_path / "profiles").unlink()
    (tmp_path / "local-libvirtd").unlink()
    assert system.hook_problem(str(hook), CHECKSUM) == ""
