# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libvirt hook of role hypervisor: what it reads and in which order it mounts, with a C library that only notes."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any, Optional

import pytest
import yaml
from jinja2 import Environment

from ansible_collections.burrow.vm.plugins.module_utils._gateway import system
from ansible_collections.burrow.vm.plugins.module_utils._model import share_rules
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create
from ansible_collections.burrow.vm.plugins.module_utils._model.paths import share_mount
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml

HOOK = Path(__file__).resolve().parents[3] / "roles/hypervisor/files/qemu-hook"
READ_ONLY, NO_SETUID, NO_DEVICES, REMOUNT, BIND, PRIVATE = 1, 2, 4, 32, 4096, 1 << 18


def load() -> Any:
    loader = SourceFileLoader("qemu_hook", str(HOOK))
    spec = spec_from_loader("qemu_hook", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


class NotingLibrary:
    """Notes the calls. fail_at: the number of the mount that fails."""

    def __init__(self, fail_at: int = 0) -> None:
        self.calls: list[tuple[str, Optional[str], str, int]] = []
        self.fail_at = fail_at

    def mount(self, source: Optional[bytes], target: bytes, _type: None, flags: Any, _data: None) -> int:
        name = None if source is None else os.readlink(os.fsdecode(source))
        self.calls.append(("mount", name, os.fsdecode(target), flags.value))
        return -1 if len(self.calls) == self.fail_at else 0

    def umount2(self, target: bytes, flags: int) -> int:
        self.calls.append(("umount", None, os.fsdecode(target), flags))
        return 0


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    sys.dont_write_bytecode = True
    module = load()
    monkeypatch.setattr(module, "SHARES", str(tmp_path / "shares"))
    monkeypatch.setattr(module, "libc", NotingLibrary())
    return module


def prepare(hook: Any, monkeypatch: pytest.MonkeyPatch, *shares: dict[str, Any]) -> None:
    text = xml.build(
        "work", "x86_64", create(parse({"machine": "q35", "memory": "1GiB", "filesystems": list(shares)})), ""
    )
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    hook.main("work", "prepare")


def test_it_says_the_same_as_the_collection(hook: Any) -> None:
    untouched = load()
    assert os.path.join(untouched.SHARES, "work", "code") == share_mount("work", "code")
    for directory in ("/", *hook.REFUSED, *(f"{path}/x" for path in hook.REFUSED)):
        assert share_rules.refused_directory(directory)


def test_another_version_is_seen(tmp_path: Path) -> None:
    """Role hypervisor installs it with a first line; role guest says what it should be without that."""
    tasks = yaml.safe_load((HOOK.parents[1] / "tasks/hook.yml").read_text())
    (content,) = (task["ansible.builtin.copy"]["content"] for task in tasks if "ansible.builtin.copy" in task)
    # The lookup drops what is white at the end.
    installed = Environment().from_string(content).render(lookup=lambda *_: HOOK.read_text().rstrip())
    path = tmp_path / "burrow"
    path.write_text(installed if installed.endswith("\n") else installed + "\n")
    path.chmod(0o755)
    wanted = hashlib.sha256(HOOK.read_bytes()).hexdigest()
    assert installed.startswith("#!/usr/bin/python3 -IS\n")
    assert system.hook_problem(str(path), wanted) == ""
    path.write_text(path.read_text() + "#")
    assert "another version" in system.hook_problem(str(path), wanted)


def test_shares_are_bound_and_made_safe(hook: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "c").mkdir()
    prepare(
        hook,
        monkeypatch,
        {"tag": "one", "source": str(tmp_path / "a b"), "readonly": True},
        {"tag": "two", "source": str(tmp_path / "c")},
    )
    binds = [call for call in hook.libc.calls if call[3] == BIND]
    assert [(call[1], call[2]) for call in binds] == [
        (str(tmp_path / "a b"), f"{hook.SHARES}/work/one"),
        (str(tmp_path / "c"), f"{hook.SHARES}/work/two"),
    ]
    one, two = ([call[3] for call in hook.libc.calls if call[2].endswith(tag)] for tag in ("/one", "/two"))
    safe = REMOUNT | BIND | NO_SETUID | NO_DEVICES
    assert one[:2] == two[:2] == [BIND, PRIVATE]
    assert one[2] & (safe | READ_ONLY) == safe | READ_ONLY
    assert two[2] & (safe | READ_ONLY) == safe


def test_a_link_to_a_system_directory_is_refused(hook: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/sys")
    with pytest.raises(hook.HookError, match="which no guest gets"):
        prepare(hook, monkeypatch, {"tag": "one", "source": str(tmp_path / "link")})
    assert hook.libc.calls == []


def test_a_share_is_bound_only_where_it_led(hook: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another guest that may write in the directory above has replaced the share by a link."""
    for name in ("code", "secret"):
        (tmp_path / name).mkdir()
    share_ = {"tag": "one", "source": str(tmp_path / "code")}
    prepare(hook, monkeypatch, share_)
    (tmp_path / "code").rmdir()
    (tmp_path / "code").symlink_to(tmp_path / "secret")
    hook.libc.calls.clear()
    with pytest.raises(hook.HookError, match=f"leads to {tmp_path}/secret, and led to {tmp_path}/code .*burrow.vm.up"):
        prepare(hook, monkeypatch, share_)
    assert hook.libc.calls == []
    # A link above the share is no other case, and what was checked as a link stays good.
    (tmp_path / "secret" / "inner").mkdir()
    with pytest.raises(hook.HookError, match="leads to"):
        prepare(hook, monkeypatch, {"tag": "one", "source": str(tmp_path / "code" / "inner")})
    prepare(hook, monkeypatch, {**share_, "real": str(tmp_path / "secret")})
    assert [call[1] for call in hook.libc.calls if call[3] == BIND] == [str(tmp_path / "secret")]


def test_a_share_of_an_earlier_version_is_its_own_real_path(hook: Any) -> None:
    text = (
        f'<domain><metadata><b:guest xmlns:b="{hook.NAMESPACE}"><b:share tag="a" source="/srv"/></b:guest>'
        "</metadata></domain>"
    )
    assert hook.shares(text) == [("a", "/srv", "/srv", True)]


def test_a_failure_leaves_nothing(hook: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    monkeypatch.setattr(hook, "libc", NotingLibrary(fail_at=1))
    with pytest.raises(hook.HookError, match="bind"):
        prepare(hook, monkeypatch, {"tag": "one", "source": str(tmp_path / "c")})
    assert not os.path.exists(f"{hook.SHARES}/work")


def test_release_takes_the_directories_away(hook: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    prepare(hook, monkeypatch, {"tag": "one", "source": str(tmp_path / "c")})
    assert os.path.isdir(f"{hook.SHARES}/work/one")
    hook.main("work", "release")
    assert not os.path.exists(f"{hook.SHARES}/work")
    hook.main("work", "release")


def test_what_lies_in_a_mount_point_is_never_deleted(hook: Any) -> None:
    os.makedirs(f"{hook.SHARES}/work/one")
    Path(f"{hook.SHARES}/work/one/file").touch()
    with pytest.raises(OSError, match="not empty"):
        hook.main("work", "release")
    assert os.path.exists(f"{hook.SHARES}/work/one/file")


@pytest.mark.parametrize("operation", ["start", "started", "stopped", "reconnect", "restore"])
def test_other_steps_are_not_its_business(hook: Any, operation: str) -> None:
    hook.main("work", operation)
    assert hook.libc.calls == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_a_name_never_leads_elsewhere(hook: Any, name: str) -> None:
    hook.main(name, "release")
    assert hook.libc.calls == []


@pytest.mark.parametrize(("tag", "source"), [("..", "/a"), ("a/b", "/a"), ("", "/a"), ("a", "b")])
def test_metadata_of_others_is_not_trusted(hook: Any, tag: str, source: str) -> None:
    text = (
        f'<domain><metadata><b:guest xmlns:b="{hook.NAMESPACE}"><b:share tag="{tag}" source="{source}"/></b:guest>'
        "</metadata></domain>"
    )
    with pytest.raises(hook.HookError, match="can't be meant"):
        hook.shares(text)


def test_a_domain_without_our_metadata_has_none(hook: Any) -> None:
    assert hook.shares("<domain><metadata/></domain>") == []
