# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a domain, and what is refused: no libvirt."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_devices import Filesystem
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import parse_request
from ansible_collections.burrow.vm.plugins.module_utils._model.forward import Forward
from ansible_collections.burrow.vm.plugins.module_utils._model.names import mac_address
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_check import (
    Surroundings,
    check,
    check_files,
    needed,
    used_files,
)
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_host import Hardware
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_plan import (
    new_definition,
    plan,
    target,
)
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_state import Host, State
from ansible_collections.burrow.vm.plugins.module_utils._xml.domain import build
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_states import (
    BEFORE,
    RUNNING,
    STOPPED,
    operations,
    planned,
)

PAUSED = dataclasses.replace(RUNNING, run_state="paused")
SAVED = dataclasses.replace(STOPPED, saved=True, run_state="suspended")
CRASHED = dataclasses.replace(RUNNING, run_state="crashed")
ASLEEP = dataclasses.replace(RUNNING, run_state="pmsuspended")
TRANSIENT = dataclasses.replace(RUNNING, persistent=False)
_UNSHARED = dataclasses.replace(BEFORE, filesystems=())
LONE = dataclasses.replace(
    RUNNING, definition=_UNSHARED, live=_UNSHARED, live_text=build("work", "x86_64", _UNSHARED, "now")
)
RESTART = ["stop", "define", "start"]
FOREIGN = dataclasses.replace(RUNNING, definition=dataclasses.replace(BEFORE, owned=False))


@pytest.mark.parametrize(
    ("state", "params", "expected"),
    [
        (State(), {}, ["create"]),
        (State(), {"state": "running"}, ["create", "start"]),
        (State(), {"state": "stopped"}, ["create"]),
        (State(), {"state": "absent"}, []),
        (State(leftovers=("/d/root.qcow2",)), {"state": "absent"}, ["remove_file"]),
        (STOPPED, {}, []),
        (STOPPED, {"state": "running"}, ["start"]),
        (STOPPED, {"state": "stopped"}, []),
        (STOPPED, {"memory": "2GiB"}, ["define"]),
        (STOPPED, {"memory": "2GiB", "state": "running"}, ["define", "start"]),
        (STOPPED, {"autostart": True}, ["autostart"]),
        (STOPPED, {"state": "absent"}, ["undefine"]),
        (STOPPED, {"machine": "pc", "allow_recreate": True}, ["recreate"]),
        (RUNNING, {}, []),
        (RUNNING, {"state": "running", "memory": "1GiB", "machine": "q35"}, []),
        (RUNNING, {"state": "stopped"}, ["stop"]),
        (RUNNING, {"state": "stopped", "memory": "2GiB"}, ["stop", "define"]),
        (RUNNING, {"state": "absent"}, ["power_off", "undefine"]),
        (CRASHED, {"state": "absent"}, ["power_off", "undefine"]),
        # What a TPM kept that was taken away; with disks that stay, so does it.
        (dataclasses.replace(RUNNING, former_tpm="/t"), {"state": "absent"}, ["power_off", "remove_file", "undefine"]),
        (dataclasses.replace(STOPPED, former_tpm="/t", kept=("/d",)), {"state": "absent"}, ["undefine"]),
        (CRASHED, {"state": "running"}, ["power_off", "start"]),
        (CRASHED, {"state": "stopped"}, ["stop"]),
        (CRASHED, {}, []),
        (CRASHED, {"state": "running", "memory": "2GiB"}, ["power_off", "define", "start"]),
        (RUNNING, {"state": "paused"}, ["pause"]),
        (PAUSED, {"state": "paused"}, []),
        (STOPPED, {"state": "paused"}, ["start"]),
        (State(), {"state": "paused"}, ["create", "start"]),
        (ASLEEP, {"state": "running"}, ["resume"]),
        (ASLEEP, {"state": "paused"}, ["resume", "pause"]),
        (LONE, {"state": "suspended"}, ["save"]),
        (LONE, {"state": "suspended", "metadata": {"image": "b"}}, ["define", "save"]),
        (SAVED, {"state": "suspended"}, []),
        (SAVED, {"state": "paused"}, ["start"]),
        (SAVED, {"state": "stopped"}, []),
        (SAVED, {"state": "absent"}, ["undefine"]),
        (TRANSIENT, {}, []),
        (TRANSIENT, {"state": "paused"}, ["pause"]),
        (TRANSIENT, {"state": "stopped"}, ["persist", "stop"]),
        (TRANSIENT, {"autostart": True}, ["persist", "autostart"]),
        (TRANSIENT, {"metadata": {"image": "b"}}, ["define"]),
        (TRANSIENT, {"cpus": 4, "restart_policy": "now"}, ["persist", *RESTART]),
        (TRANSIENT, {"state": "absent"}, ["persist", "power_off", "undefine"]),
        (PAUSED, {"cpus": 4, "restart_policy": "now"}, RESTART),
        (RUNNING, {"metadata": {"image": "b"}}, ["define"]),
        (RUNNING, {"memory": "2GiB", "restart_policy": "defer"}, ["define"]),
        (RUNNING, {"memory": "2GiB", "restart_policy": "now"}, ["stop", "define", "start"]),
        (
            RUNNING,
            {"memory": "2GiB", "autostart": True, "restart_policy": "now"},
            ["stop", "define", "autostart", "start"],
        ),
        (RUNNING, {"firmware": "bios", "allow_recreate": True, "restart_policy": "now"}, ["stop", "recreate", "start"]),
        (RUNNING, {"forwards": [], "purge": ["forwards"]}, ["define"]),
        (RUNNING, {"forwards": [], "purge": ["forwards"], "cpus": 4, "restart_policy": "now"}, RESTART),
        (RUNNING, {"forwards": []}, []),
        (PAUSED, {}, []),
        (PAUSED, {"state": "running"}, ["resume"]),
        (PAUSED, {"state": "stopped"}, ["stop"]),
        (SAVED, {"state": "running"}, ["start"]),
        (SAVED, {"memory": "2GiB", "restart_policy": "now"}, ["discard_saved", "define"]),
        (SAVED, {"memory": "2GiB", "state": "running", "restart_policy": "now"}, ["discard_saved", "define", "start"]),
        (FOREIGN, {}, []),
    ],
)
def test_actions(state: State, params: dict[str, Any], expected: list[str]) -> None:
    assert operations(planned(state, **params)) == expected


def test_what_crashed_is_not_changed_as_it_runs() -> None:
    """It is powered off first: what would be changed then is gone."""
    found = planned(CRASHED, state="running", title="new", cpus=4)
    (define,) = [action for action in found.actions if action.operation == "define"]
    assert (define.arguments["live"], define.arguments["steps"]) == (None, ())
    assert "while it runs" not in define.summary
    assert found.facts == {"restart_required": []}


@pytest.mark.parametrize(
    ("state", "params", "code", "path"),
    [
        (RUNNING, {"memory": "2GiB"}, "restart_required", "memory"),
        (RUNNING, {"cpus": 4, "metadata": {"image": "b"}}, "restart_required", "cpus"),
        (PAUSED, {"cpus": 4}, "restart_required", "cpus"),
        (SAVED, {"cpus": 4}, "restart_required", "cpus"),
        (RUNNING, {"filesystems": [{"tag": "x", "source": "/x"}]}, "restart_required", "filesystems[x]"),
        (RUNNING, {"disks": [{"name": "x", "source": "/x"}]}, "restart_required", "disks[x]"),
        (RUNNING, {"disks": [{"name": "root", "source": "/q"}]}, "restart_required", "disks[root].source"),
        (RUNNING, {"machine": "pc", "restart_policy": "now"}, "recreate_required", "machine"),
        (STOPPED, {"firmware": "bios"}, "recreate_required", "firmware"),
        (RUNNING, {"machine": "pc", "allow_recreate": True, "restart_policy": "defer"}, "restart_required", "machine"),
        (FOREIGN, {"owned_only": True}, "not_owned", "name"),
        (FOREIGN, {"owned_only": True, "state": "absent"}, "not_owned", "name"),
        (RUNNING, {"state": "suspended"}, "not_suspendable", "state"),
        (STOPPED, {"state": "suspended"}, "not_suspendable", "state"),
        (State(), {"state": "suspended"}, "not_suspendable", "state"),
        (LONE, {"state": "suspended", "cpus": 4, "restart_policy": "now"}, "contradiction", "state"),
        (SAVED, {"state": "suspended", "cpus": 4, "restart_policy": "now"}, "contradiction", "state"),
        (PAUSED, {"state": "stopped", "power_off": False}, "contradiction", "power_off"),
        (RUNNING, {"state": "absent", "power_off": False}, "contradiction", "power_off"),
        (STOPPED, {"interfaces": [{}, {}]}, "invalid", "interfaces[1].source"),
        (State(), {"disks": [{"name": "root"}]}, "invalid", "disks[0].source"),
    ],
)
def test_refusals(state: State, params: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(SpecError) as caught:
        planned(state, **params)
    assert (caught.value.code, caught.value.path) == (code, path)
    assert caught.value.hint


def test_deferred_work_is_told_until_it_is_done() -> None:
    deferred = planned(RUNNING, memory="2GiB", restart_policy="defer")
    assert deferred.facts == {"restart_required": ["memory"]}
    assert deferred.changed
    after = dataclasses.replace(RUNNING, definition=dataclasses.replace(BEFORE, memory=2 << 30))
    again = planned(after, memory="2GiB")
    assert not again.changed
    assert again.facts == {"restart_required": ["memory"]}
    assert planned(after).facts == {"restart_required": []}
    now = planned(after, memory="2GiB", restart_policy="now")
    assert operations(now) == ["stop", "start"]
    assert now.facts == {"restart_required": []}


def test_host_model_is_what_it_became() -> None:
    held = dataclasses.replace(BEFORE, cpu_mode="host-model")
    state = dataclasses.replace(RUNNING, definition=held, live=dataclasses.replace(held, cpu_mode="custom"))
    assert planned(state, cpu={"mode": "host-model"}).facts == {"restart_required": []}


def test_how_a_guest_is_shut_down_is_said() -> None:
    [plain] = planned(RUNNING, state="stopped", timeout=5).actions
    assert plain.summary == "shut domain work down (power off after 5 s)"
    [asked] = planned(dataclasses.replace(RUNNING, agent=True), state="stopped", timeout=5, power_off=False).actions
    assert asked.summary == "shut domain work down by its agent, then by its power button (for 10 s)"
    assert asked.arguments == {"timeout": 5, "agent": True, "power_off": False}


def test_a_paused_guest_is_paused_again_after_a_restart() -> None:
    assert planned(PAUSED, cpus=4, restart_policy="now").actions[-1].arguments["paused"]
    assert not planned(RUNNING, cpus=4, restart_policy="now").actions[-1].arguments["paused"]


def test_what_stays_of_a_domain_that_goes_is_told() -> None:
    assert planned(dataclasses.replace(STOPPED, kept=("/r",)), state="absent").facts == {"kept": ["/r"]}
    assert planned(State(), state="absent").facts == {"kept": []}


def test_nvram_stays_with_a_disk_that_stays() -> None:
    kept = planned(dataclasses.replace(STOPPED, kept=("/r",)), state="absent")
    assert kept.actions[0].arguments == {"keep_nvram": True}
    gone = planned(STOPPED, state="absent")
    assert gone.actions[0].arguments == {"keep_nvram": False}


def test_a_new_domain_suits_its_host() -> None:
    request = parse_request({"name": "work", "interfaces": [{"source": "burrow"}, {"source": "lab"}]})
    made = new_definition(request, Host("x86_64", "tcg", 7_002_000))
    assert (made.accelerator, made.cpu_mode, made.cpu_disable) == ("tcg", "maximum", ("cx16",))
    assert (made.machine, made.firmware, made.cpus, made.memory) == ("q35", "efi", 2, 2 << 30)
    assert [item.mac for item in made.interfaces or ()] == [mac_address("work", "net0"), mac_address("work", "net1")]
    assert made.owned
    kvm = new_definition(request, Host("aarch64", "kvm", 7_002_000))
    assert (kvm.accelerator, kvm.cpu_mode, kvm.cpu_disable, kvm.machine) == ("kvm", "host-passthrough", None, "virt")


def test_emulation_in_place_of_kvm_is_said() -> None:
    request = parse_request({"name": "work", "accelerator": "kvm"})
    assert plan(request, State(host=Host("x86_64", "tcg", 0))).warnings


def test_the_diff_is_made_of_the_changes() -> None:
    found = planned(RUNNING, memory="2GiB", metadata={"image": "b"}, restart_policy="defer")
    assert found.diff() == {
        "before": {"memory": "1 GiB", "metadata.image": "a"},
        "after": {"memory": "2 GiB", "metadata.image": "b"},
    }
    assert found.sentences() == [
        "change memory from 1 GiB to 2 GiB (at its next start), change metadata.image from a to b"
    ]


GOOD = parse(
    {
        "cpus": 2,
        "vsock": {"cid": "auto"},
        "filesystems": [{"tag": "a", "source": "/srv"}],
        "forwards": [{"host_port": 80, "guest_port": 80}],
    }
)


@pytest.mark.parametrize(
    ("around", "path", "words"),
    [
        (Surroundings(Hardware(1), directories={"/srv": "/srv"}), "cpus", "from 1 to 1"),
        (Surroundings(vsock=False), "vsock", "no /dev/vhost-vsock"),
        (Surroundings(), "filesystems[0].source", "not a directory"),
        (Surroundings(directories={"/srv": "/proc/1"}), "filesystems[0].source", "leads to /proc/1"),
        (Surroundings(directories={"/srv": "/srv"}, hook=False), "filesystems", "hook"),
        (
            Surroundings(directories={"/srv": "/srv"}, taken={Forward(80, 80): "is in use (by sshd)"}),
            "forwards[0].host_port",
            "is in use (by sshd)",
        ),
    ],
)
def test_what_the_host_lacks(around: Surroundings, path: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        check(GOOD, GOOD, around)
    assert caught.value.path == path
    assert words in str(caught.value)


def test_a_share_that_stays_must_lead_where_it_led() -> None:
    kept = create(parse({"filesystems": [{"tag": "a", "source": "/srv", "real": "/data"}]}))
    check(Definition(), kept, Surroundings(directories={"/srv": "/data"}))
    with pytest.raises(SpecError, match="leads to /etc, and led to /data"):
        check(Definition(), kept, Surroundings(directories={"/srv": "/etc"}))


CODE = {"filesystems": [{"tag": "code", "source": "/srv"}]}


def test_a_share_that_leads_elsewhere_is_a_change() -> None:
    assert operations(planned(dataclasses.replace(RUNNING, directories={"/srv": "/srv"}), **CODE)) == []
    moved = dataclasses.replace(RUNNING, directories={"/srv": "/data"})
    with pytest.raises(SpecError) as caught:
        planned(moved, **CODE)
    assert (caught.value.code, caught.value.path) == ("restart_required", "filesystems[code].real")
    found = planned(moved, **CODE, restart_policy="now")
    assert operations(found) == ["stop", "define", "start"]
    after = found.actions[1].arguments["definition"]
    assert isinstance(after, Definition)
    assert [share.real for share in after.filesystems or ()] == ["/data"]
    done = dataclasses.replace(moved, definition=after, live=after)
    assert not planned(done, **CODE).changed


def test_a_share_that_is_gone_is_no_change_of_a_running_guest() -> None:
    assert not planned(RUNNING, **CODE).changed


def test_a_share_may_be_guarded_against_sensitive_directories() -> None:
    shares = [
        {"tag": f"t{number}", "source": "/srv/code", "allow_sensitive": allowed}
        for number, allowed in enumerate((True, False, None))
    ]
    request = parse_request({"name": "work", "filesystems": shares})
    assert request.guarded == {"t1"}
    around = Surroundings(directories={"/srv/code": "/etc"})
    check(GOOD, parse({"filesystems": [shares[0], shares[2]]}), around, request.guarded)
    with pytest.raises(SpecError, match="'/srv/code' leads to /etc, which belongs to the host's system"):
        check(GOOD, parse({"filesystems": [shares[1]]}), around, request.guarded)
    check(GOOD, parse({"filesystems": [shares[1]]}), Surroundings(directories={"/srv/code": "/data"}), request.guarded)


def test_a_new_source_brings_its_real_path() -> None:
    params = {"filesystems": [{"tag": "code", "source": "/new"}]}
    for directories, real in (({"/new": "/data"}, "/data"), ({}, "/new")):
        state = dataclasses.replace(STOPPED, directories=directories)
        after = target(parse_request({"name": "work", **params}), state)
        assert after is not None
        assert [(share.source, share.real) for share in after.filesystems or ()] == [("/new", real)]


def test_a_share_made_by_somebody_else_stays_as_it_is() -> None:
    foreign = dataclasses.replace(BEFORE, filesystems=(Filesystem("code", "/srv", readonly=False),))
    state = dataclasses.replace(STOPPED, definition=foreign, directories={"/srv": "/data"})
    assert not planned(state, **CODE).changed
    assert planned(state, filesystems=[{**CODE["filesystems"][0], "readonly": True}]).changed


def test_a_host_that_has_it() -> None:
    check(GOOD, GOOD, Surroundings(Hardware(2), directories={"/srv": "/data"}))


def test_files_are_looked_for_before_they_are_used() -> None:
    definition: Definition = parse({"disks": [{"name": "a", "source": "/a", "base": "/b"}], "kernel": {"path": "/k"}})
    assert used_files(definition, definition) == {"/a": "disks[0].source", "/b": "disks[0].base", "/k": "kernel.path"}
    with pytest.raises(SpecError) as caught:
        check_files(definition, definition, {"/b": "does not exist"})
    assert caught.value.path == "disks[0].base"
    unknown = parse({"disks": [{"name": "a", "source": "(known after apply)"}]})
    with pytest.raises(SpecError):
        check_files(unknown, unknown, {})


def test_the_host_is_asked_only_for_what_is_used() -> None:
    more = dataclasses.replace(BEFORE, filesystems=(*(BEFORE.filesystems or ()), *(GOOD.filesystems or ())))
    part = needed(BEFORE, more, starts=False)
    assert part.filesystems == GOOD.filesystems
    assert (part.cpus, part.forwards) == (None, ())
    whole = needed(BEFORE, more, starts=True)
    assert (whole.cpus, whole.filesystems, whole.forwards) == (2, more.filesystems, more.forwards)


def test_an_item_is_named_where_it_was_written() -> None:
    merged = dataclasses.replace(BEFORE, filesystems=(*(BEFORE.filesystems or ()), *(GOOD.filesystems or ())))
    with pytest.raises(SpecError) as caught:
        check(GOOD, merged, Surroundings(directories={"/srv": "/sys"}))
    assert caught.value.path == "filesystems[code].source"
    with pytest.raises(SpecError) as caught:
        check(merged, GOOD, Surroundings())
    assert caught.value.path == "filesystems[1].source"
