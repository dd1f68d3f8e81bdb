# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest of test_life.py: how it is described, and what of it is there, asked from libvirt, kernel and guest."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import host
from .conftest import Controller, Run, inventory, virsh

if TYPE_CHECKING:
    from collections.abc import Mapping

GUEST = "life-guest"
PORT = 28224
# In what is secret; it may show nowhere.
CANARY = "canary-e64a15"
# The caller's own ssh configuration, as odd as they come: not UTF-8, both kinds of line ends, none at the end.
OWN_CONFIG = b"# caf\xe9\r\nHost *.example.org\n\tUser joe  \n\n\nHost last\n  Port 2222"
BOOTS = "/var/lib/life-boots"
EVERY_BOOT = f"#!/bin/sh\ncat /proc/sys/kernel/random/boot_id >>{BOOTS}\n"

# Asks the guest what it was promised, as root. `mount` succeeds: only the host is left to refuse.
PROBE = f"""
boot=$(cat /proc/sys/kernel/random/boot_id)
cat /rw/greeting
echo "$boot" >/rw/answer
cat /ro/greeting
mount -o remount,rw /ro && grep -c ' /ro virtiofs rw' /proc/mounts
touch /ro/new 2>&1
grep -c "$boot" {BOOTS}
sort {BOOTS} | uniq -d
"""


@dataclass(frozen=True)
class Look:
    """What of a guest is there, seen from inside and from the host. shown: what is in the share
    that may only be read. bound: whether the host's mount is read-only.
    """

    told: tuple[str, ...]
    written: bool
    shown: list[str]
    forward: bytes
    bound: dict[str, bool]


GOOD = Look(
    told=("hello", "look only", "1", "touch: cannot touch '/ro/new': Read-only file system", "1"),
    written=True,
    shown=["greeting"],
    forward=b"SSH-2.0-",
    bound={"ro": True, "rw": False},
)


@dataclass(frozen=True)
class Life:
    """The guest, and the person who has it."""

    controller: Controller

    @property
    def home(self) -> Path:
        return self.controller.home

    @property
    def config(self) -> bytes:
        return (self.home / ".ssh/config").read_bytes()

    def command(
        self, verb: str, *arguments: str, others: dict[str, Any] | None = None, **variables: object
    ) -> list[str]:
        described = {
            "burrow_memory": "1GiB",
            "burrow_cpus": 2,
            "burrow_autostart": True,
            "burrow_profile": "life",
            "burrow_forwards": [f"{PORT}:22"],
            "burrow_shares": [
                {"source": f"{self.home}/rw", "target": "/rw"},
                {"source": f"{self.home}/ro", "target": "/ro", "readonly": True},
            ],
            "burrow_every_boot_script": EVERY_BOOT,
            "burrow_cloud_config": secret("new"),
        }
        listed = inventory(self.home, {GUEST: {**described, **variables}, **(others or {})})
        return self.controller.command(f"burrow.vm.{verb}", "--inventory", listed, *arguments)

    def run(self, verb: str, *arguments: str, **variables: Any) -> Run:
        dummy, playbook, *rest = self.command(verb, *arguments, **variables)
        return self.controller.play(playbook, *rest)

    def module(self, name: str, options: Mapping[str, object]) -> tuple[int, dict[str, Any]]:
        """Run one module alone: its exit code and its result."""
        python = ("--extra-vars", json.dumps({"ansible_python_interpreter": "/usr/bin/python3"}))
        module = ("--module-name", f"burrow.vm.{name}", "--args", json.dumps(options))
        ansible = str(Path(sys.executable).parent / "ansible")
        run = self.controller.run([ansible, "localhost", *python, *module])
        dummy, arrow, result = run.output.partition(" => ")
        assert arrow, run.output
        told, _end = json.JSONDecoder().raw_decode(result)
        return run.code, told

    def domain(self, **options: object) -> tuple[int, dict[str, Any]]:
        return self.module("domain", {"name": GUEST, **options})

    def ssh(self, command: str) -> str:
        return self.controller.ssh(GUEST, command)

    def boot_id(self) -> str:
        return self.ssh("cat /proc/sys/kernel/random/boot_id").strip()

    def provisioned(self) -> list[str]:
        """Each run of the profile's role left a word."""
        return self.ssh("cat /var/tmp/life-profile").split()

    def write_profile(self, word: str) -> None:
        tasks = self.home / "roles/profile_life/tasks"
        tasks.mkdir(parents=True, exist_ok=True)
        task = {"name": "Leave a word", "ansible.builtin.raw": f"echo {word} >>/var/tmp/life-profile"}
        (tasks / "main.yml").write_text(json.dumps([task]))

    def wait_for_boot(self, before: str) -> str:
        """Wait for another boot than that one, and until cloud-init, whose last act are its scripts, is through."""
        told = [before]

        def booted() -> bool:
            # Until then nobody answers, or not in time.
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                told[:] = self.ssh("cat /proc/sys/kernel/random/boot_id; cloud-init status").split()
            return told[0] != before and told[-1] == "done"

        host.wait(booted, f"{GUEST} boots again", 300)
        return told[0]

    def look(self) -> Look:
        answer = self.home / "rw/answer"
        answer.unlink(missing_ok=True)
        told = self.ssh(f"sudo sh <<'END'\n{PROBE}END")
        with socket.create_connection(("127.0.0.1", PORT), 10) as connection:
            connection.settimeout(20)
            forward = connection.recv(8)
        bound = host.mounts(f"/run/burrow/shares/{GUEST}/")
        return Look(
            told=tuple(told.splitlines()),
            written=answer.exists() and answer.read_text().strip() == self.boot_id(),
            shown=[file.name for file in (self.home / "ro").iterdir()],
            forward=forward,
            bound={Path(point).name.partition("-")[0]: "ro" in options for point, options in bound.items()},
        )


def secret(word: str) -> dict[str, object]:
    content = f"{CANARY}-{word}"
    return {"write_files": [{"path": "/etc/secret", "content": content, "permissions": "0600"}]}


def definitions() -> tuple[str, str]:
    """Of the running guest, and of its next start."""
    return virsh("dumpxml", GUEST), virsh("dumpxml", "--inactive", GUEST)


def memory(definition: str) -> int:
    """In MiB."""
    found = re.search(r"<memory unit='KiB'>(\d+)</memory>", definition)
    assert found, definition
    return int(found[1]) // 1024
