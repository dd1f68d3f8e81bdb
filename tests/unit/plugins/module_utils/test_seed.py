# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds: what is taken and refused, what cloud-init gets to read, and what a later change means."""

from __future__ import annotations

import email
import json
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import BurrowError, SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model import seed_files
from ansible_collections.burrow.vm.plugins.module_utils._model.boot_script import boot_hook, shares_script
from ansible_collections.burrow.vm.plugins.module_utils._model.seed import Record, new_record, parse_seed, updated
from ansible_collections.burrow.vm.plugins.module_utils._plan import UNKNOWN, Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.cloud_init import State, build

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl anna@example.org"
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY\n-----END OPENSSH PRIVATE KEY-----\n"
HOST_KEY = (PRIVATE, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")
PATH = "/d/guests/work/seed.img"


def record_for(**options: Any) -> Record:
    seed = parse_seed({"name": "work", "authorized_keys": [KEY], **options})
    return replace(new_record(seed, PATH, {"/srv/code": 1234}, None), host_key=HOST_KEY[1], image="digest")


def text_of(part: Any) -> str:
    return str(part.get_payload(decode=True), "utf-8")


def parts_of(record: Record, host_key: Any = HOST_KEY) -> dict[str, tuple[str, str]]:
    """File name -> type and content, as a reader of MIME finds them."""
    message = email.message_from_bytes(seed_files.user_data(record, host_key))
    assert message.is_multipart()
    return {
        str(part.get_filename()): (part.get_content_type(), text_of(part))
        for part in message.walk()
        if not part.is_multipart()
    }


def config_of(record: Record, host_key: Any = HOST_KEY) -> dict[str, Any]:
    kind, content = parts_of(record, host_key)["burrow-config"]
    head, dummy, body = content.partition("\n")
    assert (kind, head) == ("text/cloud-config", "#cloud-config")
    config: dict[str, Any] = json.loads(body)
    return config


@pytest.mark.parametrize(
    ("options", "path", "words"),
    [
        ({"name": ""}, "name", "not a valid name"),
        ({"name": "a/b"}, "name", "not a valid name"),
        ({"user": "root"}, "user", "root can't be"),
        ({"user": "-x"}, "user", "not a valid user name"),
        ({"user": "a b"}, "user", "not a valid user name"),
        ({"hostname": "a_b"}, "hostname", "not a valid host name"),
        ({"hostname": "-a"}, "hostname", "not a valid host name"),
        ({"hostname": "a" * 64}, "hostname", "not a valid host name"),
        ({"authorized_keys": ["none"]}, "authorized_keys[0]", "no known key type"),
        ({"authorized_keys": [PRIVATE]}, "authorized_keys[0]", "is a private key"),
        ({"authorized_keys": [KEY, f'command="x" {KEY}']}, "authorized_keys[1]", "options before the key"),
        ({"authorized_keys": [f"{KEY}\n{KEY}"]}, "authorized_keys[0]", "line break"),
        ({"first_boot_script": "a\0b"}, "first_boot_script", "NUL"),
        ({"every_boot_script": "x" * (1 << 21)}, "every_boot_script", "too long"),
        ({"workdir": "code"}, "workdir", "not an absolute path"),
        ({"shares": [{"source": "/proc"}]}, "shares[0].source", "system directory"),
        (
            {"shares": [{"source": "/a", "target": "/x"}, {"source": "/b", "target": "/x/y"}]},
            "shares[1].target",
            "one in",
        ),
        ({"network_config": {"ethernets": {}}}, "network_config.version", "neither 1 nor 2"),
        ({"meta_data": {"instance-id": "x"}}, "meta_data.instance-id", "burrow.vm's own"),
        ({"cloud_config": {"ssh_keys": {"rsa_private": "CANARY"}}}, "cloud_config.ssh_keys", "host key is made"),
        ({"cloud_config": {"ssh_pwauth": True}}, "cloud_config.ssh_pwauth", "public key only"),
        ({"cloud_config": {"password": "CANARY"}}, "cloud_config.password", "public key only"),
        ({"cloud_config": {"hostname": "x"}}, "cloud_config.hostname", "State `hostname`"),
        ({"cloud_config": {"users": "bob"}}, "cloud_config.users", "not a list"),
        ({"cloud_config": {"users": [{"name": "b", "passwd": "CANARY"}]}}, "cloud_config.users[0].passwd", "password"),
        (
            {"cloud_config": {"users": [{"name": "b", "lock_passwd": False}]}},
            "cloud_config.users[0].lock_passwd",
            "stay locked",
        ),
        ({"cloud_config": {"x": "\ud800"}}, "cloud_config.x", "not valid text"),
        ({"cloud_config": {"x": float("inf")}}, "cloud_config.x", "not a finite number"),
        ({"cloud_config": {"x": "a" * (1 << 20)}}, "cloud_config", "bytes"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as refusal:
        parse_seed({"name": "work", **options})
    assert refusal.value.path == path
    assert refusal.value.hint
    assert "CANARY" not in str(refusal.value)


def test_the_guests_own_user_can_not_be_redefined() -> None:
    with pytest.raises(SpecError, match="own user") as refusal:
        record_for(user="anna", cloud_config={"users": ["default", {"name": "anna", "sudo": False}]})
    assert refusal.value.path == "cloud_config.users[1].name"


def test_the_users_settings_are_laid_over_ours() -> None:
    users = ["default", {"name": "bob"}]
    config = config_of(
        record_for(cloud_config={"users": users, "packages": ["git"], "manage_etc_hosts": False, "ssh": {"x": 1}})
    )
    assert config["users"][1:] == users
    assert config["packages"] == ["git"]
    assert config["manage_etc_hosts"] is False
    assert config["ssh"] == {"emit_keys_to_console": False, "x": 1}


def test_the_guests_user_has_keys_and_no_password() -> None:
    user = config_of(record_for(user="anna"))["users"][0]
    assert (user["name"], user["lock_passwd"], user["ssh_authorized_keys"]) == ("anna", True, [KEY])
    assert "uid" not in user


@pytest.mark.parametrize(("owner", "uid"), [(1234, 1234), (0, None), (999, None), (65534, None)])
def test_the_user_is_the_owner_of_the_first_share(owner: int, uid: int) -> None:
    seed = parse_seed({"name": "work", "shares": [{"source": "/a"}, {"source": "/b"}]})
    assert new_record(seed, PATH, {"/a": 0, "/b": owner}, None).once["uid"] == uid


def test_only_our_host_key_is_made() -> None:
    config = config_of(record_for())
    assert config["ssh_keys"] == {"ed25519_private": PRIVATE, "ed25519_public": HOST_KEY[1]}
    assert (config["ssh_deletekeys"], config["ssh_genkeytypes"]) == (True, ["ed25519"])


def test_a_sealed_seed_has_no_key_and_deletes_none() -> None:
    record = record_for()
    config = config_of(record, None)
    assert "ssh_keys" not in config
    assert config["ssh_deletekeys"] is False
    assert b"CANARY" not in b"".join(seed_files.files(record, None).values())


def test_the_parts_are_in_order_and_whole() -> None:
    shares = [{"source": "/srv/code", "target": "/my code", "tag": "code", "readonly": True}]
    record = record_for(every_boot_script="date", first_boot_script="#!/bin/bash\necho ü\n", shares=shares)
    parts = parts_of(record)
    assert [(name, kind) for name, (kind, dummy) in parts.items()] == [
        ("burrow-boot", "text/cloud-boothook"),
        ("burrow-config", "text/cloud-config"),
        ("10-burrow-shares", "text/x-shellscript-per-boot"),
        ("50-burrow-every-boot", "text/x-shellscript-per-boot"),
        ("burrow-first-boot", "text/x-shellscript"),
    ]
    assert parts["50-burrow-every-boot"][1] == "#!/bin/sh\ndate"
    assert parts["burrow-first-boot"][1] == "#!/bin/bash\necho ü\n"


def test_meta_data_and_network_config() -> None:
    network = {"version": 2, "ethernets": {}}
    record = record_for(hostname="Work.example.org", meta_data={"region": "x"}, network_config=network)
    files = seed_files.files(record, HOST_KEY)
    assert json.loads(files["meta-data"]) == {
        "instance-id": record.instance_id,
        "local-hostname": "work.example.org",
        "region": "x",
    }
    assert json.loads(files["network-config"]) == network
    assert "network-config" not in seed_files.files(record_for(), HOST_KEY)


@pytest.mark.parametrize("workdir", [None, "/my code", "/it's"])
@pytest.mark.parametrize("target", ["/code", "/my code", "/$(id)", "/it's;x"])
def test_boot_scripts_are_shell(workdir: str, target: str) -> None:
    shares = [{"tag": "a", "target": target, "readonly": False}, {"tag": "b", "target": "/b", "readonly": True}]
    for script in (boot_hook(shares, workdir, "anna"), shares_script(shares)):
        assert script.startswith("#!/bin/sh\n")
        subprocess.run(["sh", "-n"], input=script.encode(), check=True)


def run_shares_script(script: str, tmp_path: Any, failing: str) -> tuple[int, list[str]]:
    """Run the script with a mount that notes its arguments and fails for one tag."""
    programs = tmp_path / "bin"
    programs.mkdir()
    log = tmp_path / "log"
    mount = f'#!/bin/sh\necho "$@" >>{log}\n[ "$5" != {failing} ]\n'
    for name, body in (("mount", mount), ("mountpoint", "#!/bin/sh\nexit 1\n"), ("logger", "#!/bin/sh\n")):
        (programs / name).write_text(body)
        (programs / name).chmod(0o755)
    environment = {"PATH": f"{programs}:/usr/bin:/bin"}
    result = subprocess.run(["sh"], input=script.encode(), env=environment, check=False, capture_output=True)
    return result.returncode, log.read_text().splitlines() if log.exists() else []


@pytest.mark.parametrize(("failing", "code"), [("none", 0), ("a", 1), ("b", 1)])
def test_a_share_that_fails_does_not_stop_the_others(tmp_path: Any, failing: str, code: int) -> None:
    targets = [str(tmp_path / "deep" / "my code"), str(tmp_path / "b")]
    shares = [
        {"tag": "a", "target": targets[0], "readonly": False},
        {"tag": "b", "target": targets[1], "readonly": True},
    ]
    assert run_shares_script(shares_script(shares), tmp_path, failing) == (
        code,
        [f"-t virtiofs -o rw,nosuid,nodev a {targets[0]}", f"-t virtiofs -o ro,nosuid,nodev b {targets[1]}"],
    )


def test_a_home_that_is_not_there_yet_is_left_to_the_late_script(tmp_path: Any) -> None:
    shares = [{"tag": "a", "target": "/home/burrow-nobody/code", "readonly": False}]
    hook = "\n".join(line for line in boot_hook(shares, None, "anna").splitlines() if not line.startswith("rm "))
    assert run_shares_script(hook, tmp_path, "none") == (0, [])


def planned(found: State, **options: Any) -> Plan:
    return build({"name": "work", "data": "/d", **options}).plan(found)


def state_of(record: Record, **changes: Any) -> State:
    known: dict[str, Any] = {
        "path": PATH,
        "record": record,
        "host_key": HOST_KEY[1],
        "image_there": True,
        "image_whole": True,
        "anything": True,
    }
    return State(**{**known, **changes})


def test_a_new_seed_with_a_new_key() -> None:
    resource = build({"name": "work", "data": "/d", "authorized_keys": [KEY]})
    plan = resource.plan(State(path=PATH))
    record = record_for()
    assert plan.sentences() == [
        "make an ed25519 host key for work",
        f"make the seed {PATH}, instance-id {record.instance_id}",
    ]
    assert resource.result(State(path=PATH), plan, planned=True) == {
        "path": PATH,
        "instance_id": record.instance_id,
        "host_key": UNKNOWN,
        "sealed": False,
        "user": "burrow",
    }


def test_nobody_can_log_in_without_keys() -> None:
    assert "no authorized_keys" in planned(State(path=PATH)).warnings[0]


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({}, {}),
        ({"authorized_keys": [KEY], "cloud_config": {"timezone": "UTC", "packages": ["git"]}}, {}),
        ({"user": "bob"}, {"reset_required": ["user"]}),
        (
            {"cloud_config": {"timezone": "CET", "locale": "C"}},
            {"reset_required": ["cloud_config.locale", "cloud_config.packages", "cloud_config.timezone"]},
        ),
        ({"first_boot_script": "date"}, {"reset_required": ["first_boot_script"]}),
    ],
)
def test_what_only_a_first_boot_follows_is_named_and_not_changed(options: dict[str, Any], facts: object) -> None:
    record = record_for(cloud_config={"timezone": "UTC", "packages": ["git"]})
    plan = planned(state_of(record), **options)
    assert not plan.changed
    assert plan.facts == facts


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({"workdir": "/code", "every_boot_script": "date", "shares": [{"source": "/srv/code"}]}, []),
        ({"workdir": ""}, ["workdir"]),
        ({"every_boot_script": "", "shares": []}, ["shares", "every_boot_script"]),
        ({"every_boot_script": "uptime"}, ["every_boot_script"]),
    ],
)
def test_what_each_boot_follows_is_written_for_the_next(options: dict[str, Any], changed: list[str]) -> None:
    record = record_for(workdir="/code", every_boot_script="date", shares=[{"source": "/srv/code"}])
    plan = planned(state_of(record), **options)
    assert plan.facts == ({"restart_required": changed} if changed else {})
    assert [change.path for change in plan.changes] == changed
    for action in plan.actions:
        written = action.arguments["record"]
        assert isinstance(written, Record)
        assert (written.instance_id, written.once) == (record.instance_id, record.once)


def test_a_reset_follows_the_stated_options_alone() -> None:
    record = record_for(user="anna", cloud_config={"timezone": "UTC"}, every_boot_script="date")
    (action,) = planned(state_of(record), state="reset", user="anna", cloud_config={"timezone": "CET"}).actions
    written = action.arguments["record"]
    assert isinstance(written, Record)
    assert (written.once["user"], written.once["cloud_config"]) == ("anna", {"timezone": "CET"})
    assert written.once["authorized_keys"] == []
    assert written.boot["every_boot_script"] is None


def test_a_reset_without_change_is_another_instance() -> None:
    record = record_for()
    (action,) = planned(state_of(record), state="reset", authorized_keys=[KEY]).actions
    written = action.arguments["record"]
    assert isinstance(written, Record)
    assert written.once == record.once
    assert written.instance_id != record.instance_id


def asked(**options: Any) -> str:
    return parse_seed({"name": "work", **options}).asked


def test_defaults_count_for_a_new_seed_alone() -> None:
    record = record_for(hostname="a", defaults={"user": "eve", "hostname": "b"})
    assert (record.once["user"], record.once["hostname"]) == ("eve", "a")
    assert planned(state_of(record), defaults={"user": "bob"}) == Plan()


def test_a_seed_tells_what_it_was_asked_for() -> None:
    stated: dict[str, Any] = {"workdir": "/code", "cloud_config": {"b": 1, "a": 2}}
    record = new_record(parse_seed({"name": "work", **stated, "defaults": {"user": "eve"}}), PATH, {}, None)
    assert record.asked == asked(cloud_config={"a": 2, "b": 1}, workdir="/code")
    assert record.asked != asked(**{**stated, "workdir": "/other"})
    assert updated(parse_seed({"name": "work", "host_key": "sealed"}), record).asked == record.asked
    moved = updated(parse_seed({"name": "work", **stated, "workdir": "/other"}), record)
    assert moved.asked == asked(**{**stated, "workdir": "/other"})


def test_what_waits_for_a_reset_was_not_answered() -> None:
    record = record_for(user="anna", workdir="/code")
    assert updated(parse_seed({"name": "work", "user": "bob", "workdir": "/other"}), record).asked == ""


@pytest.mark.parametrize(
    ("before", "option", "sealed"), [(False, "sealed", True), (True, "seed", False), (True, None, None)]
)
def test_sealing(before: bool, option: Any, sealed: Any) -> None:
    plan = planned(state_of(replace(record_for(), sealed=before)), host_key=option)
    records = [action.arguments["record"] for action in plan.actions]
    assert [record.sealed for record in records if isinstance(record, Record)] == ([] if sealed is None else [sealed])


@pytest.mark.parametrize(
    ("state", "options", "code", "words"),
    [
        (State(path=PATH), {"host_key": "sealed"}, "invalid", "has not got its host key yet"),
        (State(path=PATH, image_there=True, anything=True), {}, "not_owned", "not made by burrow.vm"),
        (State(path=PATH, image_there=True, anything=True), {"state": "absent"}, "not_owned", "not made by burrow.vm"),
        (state_of(record_for(), host_key=None), {}, "host_key_missing", "is gone"),
        (state_of(record_for(), path="/other.img"), {"path": "/other.img"}, "invalid", f"the seed of work is {PATH}"),
    ],
)
def test_a_change_that_can_not_be_is_refused(state: State, options: Any, code: str, words: str) -> None:
    with pytest.raises(BurrowError, match=words) as refusal:
        planned(state, **options)
    assert refusal.value.code == code
    assert refusal.value.hint


def test_a_damaged_seed_is_made_again() -> None:
    plan = planned(state_of(record_for(), image_whole=False))
    assert plan.sentences() == [f"rewrite the seed {PATH}: it is missing or damaged"]


def test_the_diff_shows_no_script_and_no_cloud_config() -> None:
    record = record_for(every_boot_script="CANARY", cloud_config={"x": "CANARY"})
    plan = planned(state_of(record), every_boot_script="CANARY 2", cloud_config={"x": "CANARY 2"})
    assert plan.changed
    assert "CANARY" not in json.dumps([plan.diff(), plan.sentences(), plan.facts])
