# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""examples/infra-repo, copied and run as it stands: two VMs, one profile, one share, the repository's own role."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from .conftest import CHECKOUT, Controller, Run, domains, extra, keep_consoles, leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUESTS = ("example-dev", "example-web")


@pytest.fixture(scope="module")
def repo(controller: Controller) -> Iterator[Path]:
    """Copy the repository; whatever happens, its VMs are gone at the end."""
    mine = set(GUESTS) & domains()
    assert not mine, f"{mine} exist already: ansible-playbook burrow.vm.destroy -i examples/infra-repo, then test again"
    copy = controller.home / "repo"
    shutil.copytree(CHECKOUT / "examples/infra-repo", copy)
    yield copy
    keep_consoles(*GUESTS)
    if set(GUESTS) & domains():
        controller.play("burrow.vm.destroy", *extra(burrow_destroy_all=True), directory=copy)


@pytest.fixture(scope="module")
def check(controller: Controller, repo: Path) -> Run:
    return controller.play("site.yml", "--check", "--diff", directory=repo)


@pytest.fixture(scope="module")
def first(controller: Controller, repo: Path, check: Run) -> Run:
    return controller.play("site.yml", directory=repo)


@pytest.fixture(scope="module")
def second(controller: Controller, repo: Path, first: Run) -> Run:
    assert first.code == 0, first.why
    return controller.play("site.yml", directory=repo)


def test_a_first_check_fails_nowhere_and_makes_nothing(check: Run, repo: Path) -> None:
    assert (check.code, check.failed) == (0, set()), check.why
    assert not set(GUESTS) & domains()
    assert not [file for guest in GUESTS for file in leftovers(guest)]


def test_the_first_run_makes_and_configures_both(first: Run) -> None:
    assert (first.code, first.failed) == (0, set()), first.why
    assert all(first.changed[guest] for guest in GUESTS)


def test_the_second_run_changes_nothing(second: Run) -> None:
    assert (second.code, second.failed) == (0, set()), second.why
    assert not any(second.changed.values()), second.changed


@pytest.mark.parametrize("guest", GUESTS)
def test_the_own_role_was_applied_with_facts(controller: Controller, first: Run, guest: str) -> None:
    assert controller.ssh(guest, "cat /etc/motd") == f"{guest}: Debian 13, 2 CPUs\n"


@pytest.mark.parametrize("guest", GUESTS)
def test_group_variables_reach_the_guest(controller: Controller, first: Run, guest: str) -> None:
    assert controller.ssh(guest, "readlink /etc/localtime").strip().endswith("Europe/Berlin")


def test_the_share_shows_the_repository(controller: Controller, first: Run, repo: Path) -> None:
    assert controller.ssh("example-dev", "cat /code/README.txt") == (repo / "code/README.txt").read_text()


def test_the_profile_was_applied_to_its_guest_alone(controller: Controller, first: Run) -> None:
    assert controller.ssh("example-dev", "jq -n 1+1") == "2\n"
    with pytest.raises(AssertionError, match="not found"):
        controller.ssh("example-web", "jq -n 1+1")


def test_scp_uses_the_same_entry(controller: Controller, first: Run, tmp_path: Path) -> None:
    command = ["scp", "-F", str(controller.home / ".ssh/config"), "example-web:/etc/hostname", str(tmp_path)]
    subprocess.run(command, check=True, timeout=60, env=dict(controller.environment))
    assert (tmp_path / "hostname").read_text() == "example-web\n"


def test_two_guests_go_only_with_consent(controller: Controller, repo: Path, first: Run) -> None:
    refused = controller.play("burrow.vm.destroy", directory=repo)
    assert refused.code != 0
    assert "burrow_destroy_all" in refused.output
    assert set(GUESTS) <= domains()


def test_destroy_leaves_nothing(controller: Controller, repo: Path, first: Run) -> None:
    gone = controller.play("burrow.vm.destroy", *extra(burrow_destroy_all=True), directory=repo)
    assert gone.code == 0, gone.why
    assert not [file for guest in GUESTS for file in leftovers(guest)]
    entries = controller.data / "ssh_config"
    assert not entries.exists() or not [guest for guest in GUESTS if guest in entries.read_text()]
