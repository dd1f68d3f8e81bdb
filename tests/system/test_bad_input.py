# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong input, given to `burrow.vm.up` as a person gives it: one clear message, and nothing has changed on the host.

Wrong variables are found for all guests at once, so one run has a guest for each; the messages themselves are tested
with the model, one by one. What only the hypervisor can know (its CPUs, its ports, its directories) is a second run.
"""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import DATA, Controller, Run, domains, extra, host_state, inventory, leftovers, virsh

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# It stands in what is secret, and may show nowhere.
CANARY = "canary-3b9f1c"
PRIVATE_KEY = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----"
FOREIGN = "bad-foreign"

# The run, and per guest its variables and part of its message
Impossible = tuple[Run, dict[str, tuple[Any, str]]]


def shares(*entries: object) -> dict[str, object]:
    return {"burrow_shares": list(entries)}


def share(source: str, **more: str) -> dict[str, str]:
    return {"source": source, **more}


# What is wrong -> (variables, part of the message)
VARIABLES: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "memory of nothing": ({"burrow_memory": 0}, "burrow_memory: '0' is not a size"),
    "too little memory": ({"burrow_memory": "100MiB"}, "burrow_memory: '100MiB' is too small. Set 256 MiB or more"),
    "memory without a unit": ({"burrow_memory": "8"}, "burrow_memory: '8' is not a size. Write a whole number with"),
    "memory in an unknown unit": ({"burrow_memory": "8 gigs"}, "burrow_memory: '8 gigs' is not a size"),
    "memory beyond 63 bits": ({"burrow_memory": f"{2**63}B"}, "burrow_memory: "),
    "no CPU": ({"burrow_cpus": 0}, "burrow_cpus: 0 is out of range"),
    "CPUs in words": ({"burrow_cpus": "two"}, "burrow_cpus: 'two' is not a whole number"),
    "a disk without a unit": ({"burrow_disk": "20"}, "burrow_disk: '20' is not a size"),
    "a share of the root": (shares(share("/", target="/x")), "burrow_shares[0].source: '/' is a system directory"),
    "a share of /proc": (shares(share("/proc")), "burrow_shares[0].source: '/proc' is a system directory"),
    "a relative share": (shares(share("code")), "burrow_shares[0].source: 'code' is not an absolute path"),
    "a share of nothing": (shares({"target": "/code"}), "burrow_shares[0].source: it is missing"),
    "two shares with one tag": (
        shares(share("/srv/a", target="/a", tag="x"), share("/srv/b", target="/b", tag="x")),
        "burrow_shares[1].tag: 'x' is the tag of burrow_shares[0] too",
    ),
    "two shares at one target": (
        shares(share("/srv/a", target="/a"), share("/srv/b", target="/a/", tag="x")),
        "burrow_shares[1].target: '/a' is the target of burrow_shares[0] too",
    ),
    "a target inside another": (
        shares(share("/srv/a", target="/a"), share("/srv/b", target="/a/b")),
        "burrow_shares[1].target: '/a/b' and burrow_shares[0]'s '/a' lie one in the other",
    ),
    "a tag of 37 bytes": (shares(share("/srv/a", tag="x" * 37)), "burrow_shares[0].tag: "),
    "two forwards on one port": (
        {"burrow_forwards": ["18080:80", "18080:81"]},
        "burrow_forwards[1].host_port: port 18080 of 127.0.0.1 is burrow_forwards[0]'s",
    ),
    "a forward from port 0": ({"burrow_forwards": ["0:80"]}, "burrow_forwards[0]: 0 is out of range"),
    "a forward from port 65536": ({"burrow_forwards": ["65536:80"]}, "burrow_forwards[0]: 65536 is out of range"),
    "a public key that is none": ({"burrow_authorized_keys": ["hello"]}, "burrow_authorized_keys[0]: it begins with"),
    "a private key": ({"burrow_authorized_keys": [PRIVATE_KEY]}, "burrow_authorized_keys[0]: it is a private key"),
    "user root": ({"burrow_user": "root"}, "burrow_user: root can't be the guest's user"),
    "a user like an option": ({"burrow_user": "-x"}, "burrow_user: '-x' is not a valid user name"),
    "a user with a space": ({"burrow_user": "a b"}, "burrow_user: 'a b' is not a valid user name"),
    "a script with NUL": (
        {"burrow_first_boot_script": f"#!/bin/sh\n# {CANARY}\0"},
        "burrow_first_boot_script: it holds a NUL byte",
    ),
    "an unknown variable": ({"burrow_memroy": "8GiB"}, "burrow_memroy: no such key. Did you mean `burrow_memory`?"),
    "a profile that is nowhere": ({"burrow_profile": "nowhere"}, "nowhere"),
    "an image like a path": ({"burrow_image": "../x"}, "burrow_image: '../x' is not a valid name"),
}
NAMES = {
    "empty": "",
    "of 64 characters": "a" * 64,
    "with a slash": "a/b",
    "with two dots": "a..b",
    "with a space": "a b",
    "with a newline": "a\nb",
    "like an option": "-a",
}


# What the host lacks -> (what is mounted, and where; arguments; parts of the message)
LACKING: Mapping[str, tuple[str, Mapping[str, str], tuple[str, ...]]] = {
    "room": (
        f"size=16m,mode=711 tmpfs {DATA}",
        {},
        (f"{DATA} has 16 MiB free, and 1 new guest and 1 image need 3.5 GiB at once.", "Make room there."),
    ),
    "libvirtd": (
        "size=1m tmpfs /run/libvirt",
        {"burrow_prepare": "never"},
        ("libvirt-sock", "burrow.vm.prepare"),
    ),
}


# A hypervisor that can't be reached -> (how the inventory has it, part of the message)
SERVERS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "refusing": ({"ansible_host": "127.0.0.1", "ansible_port": 1}, "can't be used: nothing answers by SSH there. See"),
    "nameless": ({"ansible_host": "nowhere.invalid"}, "can't be used: its name has no address. State ansible_host"),
}


def slug(title: str) -> str:
    return "bad-" + title.lower().replace(" ", "-").replace("/", "")


@pytest.fixture(scope="module")
def before() -> dict[str, object]:
    return host_state()


@pytest.fixture(scope="module")
def refused(controller: Controller, before: dict[str, object]) -> Run:
    """One run with a guest for each wrong variable, and one that is fine, as loud as it gets."""
    guests = {slug(title): variables for title, (variables, _message) in VARIABLES.items()}
    listed = inventory(controller.home, {"bad-fine": {}, **guests})
    return controller.play("burrow.vm.up", "--inventory", listed, "-vvv")


@pytest.mark.parametrize("title", VARIABLES)
def test_a_wrong_variable_is_named(refused: Run, title: str) -> None:
    assert VARIABLES[title][1] in " ".join(refused.messages[slug(title)])


def test_a_run_with_wrong_variables_fails_before_anything_changes(refused: Run, before: dict[str, object]) -> None:
    assert refused.code != 0
    assert "Nothing was changed" in " ".join(refused.messages["bad-fine"])
    assert host_state() == before


def test_no_secret_shows(refused: Run) -> None:
    assert CANARY not in refused.output
    assert "Traceback" not in refused.output


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_wrong_name_is_refused(controller: Controller, before: dict[str, object], name: str) -> None:
    run = controller.play("burrow.vm.up", *extra(burrow_name=name))
    assert run.code != 0
    assert "Use 1 to 63 letters" in run.output
    assert host_state() == before


@pytest.mark.parametrize("thing", LACKING)
def test_what_the_host_lacks_is_said_before_anything_changes(
    controller: Controller, before: dict[str, object], thing: str
) -> None:
    """For this run alone, in a mount namespace of its own, an empty file system lies over what is there."""
    mount, variables, messages = LACKING[thing]
    place = mount.split()[-1]
    script = f'mount -t tmpfs -o {mount} && "$@"; code=$?; find {place} -mindepth 1 -printf "left: %p\\n"; exit $code'
    command = controller.command("burrow.vm.up", *extra(burrow_name=f"bad-{thing}", **variables))
    run = controller.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *command])
    assert run.code != 0
    said = " ".join(run.messages[f"bad-{thing}"])
    assert not [part for part in messages if part not in said], said
    assert "left: " not in run.output
    assert host_state() == before


@pytest.fixture(scope="module")
def foreign(controller: Controller) -> Iterator[str]:
    """A domain that somebody else made. It has no disk: what counts is that nobody touches it."""
    if FOREIGN in domains():  # of a run that was killed
        virsh("undefine", FOREIGN)
    definition = controller.home / "foreign.xml"
    definition.write_text(
        f"<domain type='qemu'><name>{FOREIGN}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>"
    )
    virsh("define", str(definition))
    yield virsh("dumpxml", FOREIGN)
    if FOREIGN in domains():
        virsh("undefine", FOREIGN)


@pytest.fixture(scope="module")
def listener() -> Iterator[int]:
    """A port that this process holds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def links(controller: Controller) -> Path:
    directory = controller.home / "links"
    directory.mkdir()
    (directory / "sys").symlink_to("/sys")
    (directory / "file").write_text("")
    return directory


@pytest.fixture(scope="module")
def impossible(controller: Controller, foreign: str, listener: int, links: Path) -> Impossible:
    """One run with a guest for each thing that this hypervisor can't give. Its image is there only if it was before."""
    cases: dict[str, tuple[Any, str]] = {
        FOREIGN: ({}, f"a domain {FOREIGN} exists that this collection did not make"),
        "bad-cpus": ({"burrow_cpus": 1024}, "1024 CPUs are more than this hypervisor can give"),
        "bad-memory": ({"burrow_memory": "900TiB"}, "more than the host's memory"),
        "bad-link": (shares(share(f"{links}/sys", target="/x")), "is never shared"),
        "bad-missing": (shares(share(f"{links}/missing")), f"{links}/missing"),
        "bad-file": (shares(share(f"{links}/file")), f"{links}/file"),
        "bad-etc": (shares(share("/etc/..//etc", target="/x")), "/etc"),
        "bad-port": ({"burrow_forwards": [f"{listener}:80"]}, "python"),
        "bad-privileged": ({"burrow_forwards": ["1022:80"]}, "may not listen below 1024"),
        **{f"bad-{server}": ({"burrow_hypervisor": server}, message) for server, (_known, message) in SERVERS.items()},
    }
    servers = {server: known for server, (known, _message) in SERVERS.items()}
    listed = inventory(controller.home, {name: variables for name, (variables, _message) in cases.items()}, servers)
    return controller.play("burrow.vm.up", "--inventory", listed), cases


@pytest.mark.parametrize(
    "guest",
    [
        FOREIGN, "bad-cpus", "bad-memory", "bad-link", "bad-missing", "bad-file", "bad-etc", "bad-port",
        "bad-privileged", *(f"bad-{server}" for server in SERVERS),
    ],
)  # fmt: skip
def test_what_the_hypervisor_cannot_give_is_refused(
    impossible: tuple[Run, dict[str, tuple[Any, str]]], guest: str
) -> None:
    run, cases = impossible
    assert cases[guest][1] in " ".join(run.messages[guest])


# To look is no failure: the others of the inventory are shown.
@pytest.mark.parametrize(("verb", "fails"), [("prepare", True), ("status", False)])
def test_a_hypervisor_that_cannot_be_reached_is_named(controller: Controller, verb: str, fails: bool) -> None:
    servers = {server: known for server, (known, _message) in SERVERS.items()}
    listed = inventory(controller.home, {f"bad-{server}": {"burrow_hypervisor": server} for server in SERVERS}, servers)
    run = controller.play(f"burrow.vm.{verb}", "--inventory", listed)
    assert (run.code != 0) is fails
    missing = [server for server, (_known, message) in SERVERS.items() if f"{server} {message}" not in run.output]
    assert not missing, run.output


def test_nothing_is_made_of_what_was_refused(impossible: Impossible, before: dict[str, object]) -> None:
    run, cases = impossible
    assert run.code != 0
    assert not [found for guest in cases if guest != FOREIGN for found in leftovers(guest)]
    assert domains() - {FOREIGN} == before["domains"]


@pytest.mark.parametrize("verb", ["down", "destroy", "reset"])
def test_a_domain_of_somebody_else_is_never_touched(controller: Controller, foreign: str, verb: str) -> None:
    run = controller.play(f"burrow.vm.{verb}", *extra(burrow_name=FOREIGN))
    assert run.code != 0
    # preflight says it before a reset, and module domain whenever it is asked to touch it
    said = (f"domain {FOREIGN} exists that this collection did not make", f"domain {FOREIGN} is there and isn't ours")
    assert any(sentence in run.output for sentence in said)
    assert virsh("dumpxml", FOREIGN) == foreign


def test_a_limit_that_leaves_nothing_fails(controller: Controller) -> None:
    listed = inventory(controller.home, {"bad-fine": {}}, {"other": {}})
    run = controller.play("burrow.vm.up", "--inventory", listed, "--limit", "other")
    assert run.code != 0
    assert "leaves no guest" in run.output


@pytest.mark.parametrize("verb", ["destroy", "reset"])
@pytest.mark.parametrize("limit", [(), ("--limit", "bad-one,bad-t*")], ids=["no limit", "a pattern"])
def test_several_guests_go_only_when_named(controller: Controller, verb: str, limit: tuple[str, ...]) -> None:
    listed = inventory(controller.home, {"bad-one": {}, "bad-two": {}}, {"other": {}})
    run = controller.play(f"burrow.vm.{verb}", "--inventory", listed, *limit)
    assert run.code != 0
    assert "burrow_destroy_all=true" in run.output


@pytest.mark.parametrize("verb", ["status", "destroy"])
def test_no_secret_shows_where_nothing_is_made(controller: Controller, verb: str) -> None:
    variables = {"burrow_first_boot_script": f"#!/bin/sh\n# {CANARY}\n", "burrow_cloud_config": {"bootcmd": [CANARY]}}
    listed = inventory(controller.home, {"bad-one": variables, "bad-two": variables})
    run = controller.play(f"burrow.vm.{verb}", "--inventory", listed, "--limit", "bad-one,bad-two", "--check", "-vvv")
    assert run.code == 0, run.why
    assert CANARY not in run.output
    assert set(run.changed.values()) == {0}


def test_a_name_of_another_host_or_group_is_refused(controller: Controller) -> None:
    listed = inventory(controller.home, {"bad-fine": {}}, {"other": {}})
    for name in ("other", "burrow_guests"):
        run = controller.play("burrow.vm.up", "--inventory", listed, *extra(burrow_name=name))
        assert run.code != 0
        assert "can't be a guest here" in run.output


def test_no_libvirt_process_was_left() -> None:
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "guest=bad-" not in listing
