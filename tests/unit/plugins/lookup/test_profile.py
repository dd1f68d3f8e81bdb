# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles: where they are found, and when their digest changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.burrow.vm.plugins.lookup.profile import LookupModule
from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.plugin_utils import _profile

if TYPE_CHECKING:
    from pathlib import Path


def role(directory: Path, name: str, guest: str = "cpus: 4\n") -> Path:
    path = directory / name
    (path / "vars").mkdir(parents=True)
    (path / "tasks").mkdir()
    (path / "tasks/main.yml").write_text("[]\n")
    if guest:
        (path / "vars/guest.yml").write_text(guest)
    return path


def test_the_users_own_role_comes_first(tmp_path: Path) -> None:
    own = role(tmp_path, "profile_dev")
    found = _profile.find("dev", [str(tmp_path / "none"), str(tmp_path)])
    assert (found.role, found.path, found.name) == (str(own), str(own), "dev")


def test_the_prefix_may_be_left_out_where_the_role_says_it_is_a_profile(tmp_path: Path) -> None:
    role(tmp_path, "web")
    role(tmp_path, "plain", guest="")
    assert _profile.find("web", [str(tmp_path)]).path.endswith("/web")
    with pytest.raises(SpecError, match="there is no profile 'plain'"):
        _profile.find("plain", [str(tmp_path)])


def test_this_collection_has_profile_dev(tmp_path: Path) -> None:
    assert _profile.find("dev", [str(tmp_path)]).role == "burrow.vm.profile_dev"
    assert _profile.find("burrow.vm.dev", []).role == "burrow.vm.profile_dev"
    assert _profile.find("burrow.vm.profile_dev", []).role == "burrow.vm.profile_dev"


def test_an_unknown_name_is_told_its_nearest_neighbour(tmp_path: Path) -> None:
    role(tmp_path, "profile_web")
    with pytest.raises(SpecError, match=r"burrow_profile: there is no profile 'wev'. Did you mean web"):
        _profile.find("wev", [str(tmp_path)])
    with pytest.raises(SpecError, match="There are: dev, web"):
        _profile.find("nothing_like_it", [str(tmp_path)])
    with pytest.raises(SpecError, match="Install its collection"):
        _profile.find("no.such.role", [])


@pytest.mark.parametrize("name", ["", "../x", "/etc", "a/b", "a.b", "a b", "a\n", "-a", "x" * 300 + "/"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(SpecError, match="is not a profile's name"):
        _profile.find(name, [])


def test_the_digest_follows_names_content_and_what_can_be_run(tmp_path: Path) -> None:
    path = role(tmp_path, "profile_x")
    digests = [_profile.digest(str(path))]
    (path / "tasks/main.yml").write_text("[a]\n")
    digests.append(_profile.digest(str(path)))
    (path / "tasks/main.yml").rename(path / "tasks/other.yml")
    digests.append(_profile.digest(str(path)))
    (path / "tasks/other.yml").chmod(0o755)
    digests.append(_profile.digest(str(path)))
    assert len(set(digests)) == 4


def test_the_digest_ignores_what_comes_and_goes(tmp_path: Path) -> None:
    path = role(tmp_path, "profile_x")
    before = _profile.digest(str(path))
    for name in ("__pycache__/x.pyc", ".git/HEAD", "filter_plugins/x.pyc"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text("x")
    (path / "tasks/main.yml").touch()
    assert _profile.digest(str(path)) == before


def look_up(name: str, directory: Path, **options: str) -> dict[str, object]:
    loader = DataLoader()
    variables = {"playbook_dir": str(directory), "size": 8}
    lookup = LookupModule(loader=loader, templar=Templar(loader=loader, variables=variables))
    lookup._load_name = "burrow.vm.profile"
    lookup.set_options = lambda **_: lookup._options.update({"on_error": "raise", **options})
    result: dict[str, object] = lookup.run([name], variables, **options)[0]
    return result


def test_the_lookup_reads_what_vm_is_wanted(tmp_path: Path) -> None:
    role(tmp_path / "roles", "profile_web", "cpus: '{{ size }}'\ncloud_config: {packages: [git]}\n")
    found = look_up("web", tmp_path)
    assert found["guest"] == {"cpus": 8, "cloud_config": {"packages": ["git"]}}
    assert found["name"] == "web"


def test_a_profile_may_want_nothing(tmp_path: Path) -> None:
    role(tmp_path / "roles", "profile_web", "")
    role(tmp_path / "roles", "profile_empty", "---\n")
    assert look_up("web", tmp_path)["guest"] == {}
    assert look_up("empty", tmp_path)["guest"] == {}


def test_an_error_can_be_returned(tmp_path: Path) -> None:
    role(tmp_path / "roles", "profile_list", "[1]\n")
    for name in ("nothing_like_it", "list"):
        found = look_up(name, tmp_path, on_error="return")
        assert sorted(found) == ["error", "name"]
