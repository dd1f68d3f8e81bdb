# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times `burrow.vm.up` beside bare QEMU with the same image and the same seed, in one run.

    make setup && sudo .venv/bin/python tests/bench/bench.py --rounds 3

Each round boots the guests under bare QEMU, then makes the same guests by `up`, then runs `up` again without a change.
Ready means: a login over SSH works and cloud-init is done. The image is in the store before the first round. Seconds,
median of the rounds; machines are noisy, so compare figures of one run only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
STORE = Path("/var/lib/burrow/images")
DEADLINE = 600.0
NAMES = ("bench-a", "bench-b")


class Bench:
    """One working directory with a key, an ansible environment and the image's record."""

    def __init__(self, directory: Path, image: str) -> None:
        self.directory = directory
        self.image = image
        self.key = directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        self.environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv/collections"),
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "XDG_DATA_HOME": str(directory / "data"),
            "LC_ALL": "C.UTF-8",
        }

    def ansible(self, program: str, *arguments: str) -> str:
        """Run a program of the runtime environment; what it prints is shown when it fails."""
        command = [str(CHECKOUT / ".venv/bin" / program), *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def playbook(self, verb: str, guests: list[str], **variables: object) -> float:
        """Run a playbook for the guests and return its seconds."""
        listed = [{"name": name, "image": self.image, "user": "bench"} for name in guests]
        extra = json.dumps({"burrow_vms": listed, "burrow_ssh_include": False, **variables})
        began = time.monotonic()
        self.ansible("ansible-playbook", f"burrow.vm.{verb}", "-e", extra)
        return time.monotonic() - began

    def record(self) -> dict[str, Any]:
        """What the store says of the image."""
        digest = json.loads((STORE / "names" / f"{self.image}.json").read_text())["digest"]
        record: dict[str, Any] = json.loads((STORE / digest / "record.json").read_text())
        return {**record, "directory": str(STORE / digest)}


@contextlib.contextmanager
def bare_guests(bench: Bench, guests: list[str]) -> Iterator[list[int]]:
    """Bare QEMU with overlays and seeds made beforehand; yields the forwarded SSH ports."""
    commands = [bare_command(bench, name, 22200 + index) for index, name in enumerate(guests)]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    try:
        yield [22200 + index for index in range(len(guests))]
    finally:
        for process in running:
            process.kill()
            process.wait()


def bare_command(bench: Bench, name: str, port: int) -> list[str]:
    """Write the guest's overlay and seed, and return the QEMU command that boots it."""
    home = bench.directory / "bare" / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    record = bench.record()
    base = Path(record["directory"]) / "image.qcow2"
    overlay, seed = home / "root.qcow2", home / "seed.img"
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(base), str(overlay), "20G"]
    subprocess.run(create, check=True)
    public = bench.key.with_suffix(".pub").read_text().strip()
    options: dict[str, Any] = {
        "name": name,
        "data": str(home),
        "path": str(seed),
        "user": "bench",
        "authorized_keys": [public],
    }
    options["network_config"] = {"version": 2, "ethernets": {"net": {"match": {"name": "e*"}, "dhcp4": True}}}
    interpreter = "ansible_python_interpreter=/usr/bin/python3"
    bench.ansible("ansible", "localhost", "-m", "burrow.vm.cloud_init", "-a", json.dumps(options), "-e", interpreter)
    boot = [
        *("-kernel", Path(record["directory"]) / "vmlinuz", "-initrd", Path(record["directory"]) / "initrd.img"),
        *("-append", record["cmdline"]),
    ]
    return [
        str(word)
        for word in (
            *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,cx16=off"),
            *("-smp", "2", "-m", "2048", "-display", "none", "-serial", f"file:{home}/console.log", *boot),
            *("-drive", f"file={overlay},if=virtio,format=qcow2"),
            *("-drive", f"file={seed},if=virtio,format=raw,readonly=on"),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:22", "-device", "virtio-net-pci,netdev=net"),
        )
    ]


def wait_bare(bench: Bench, ports: list[int]) -> float:
    """Seconds until each guest has let us in and cloud-init is done."""
    began = time.monotonic()
    waiting = set(ports)
    while waiting:
        if time.monotonic() - began > DEADLINE:
            sys.exit(f"bare QEMU: no login at port {sorted(waiting)} within {DEADLINE:.0f} s")
        for port in sorted(waiting):
            options = [f"-o{option}" for option in ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null")]
            command = ["ssh", "-i", str(bench.key), "-p", str(port), *options, "-oLogLevel=ERROR", "-oConnectTimeout=5"]
            login = [*command, "bench@127.0.0.1", "cloud-init status --wait"]
            if subprocess.run(login, capture_output=True, check=False).returncode == 0:
                waiting.discard(port)
        time.sleep(0.2)
    return time.monotonic() - began


def measure(bench: Bench, guests: list[str], rounds: int) -> dict[str, list[float]]:
    """Times of all rounds by what was timed."""
    times: dict[str, list[float]] = {"bare QEMU": [], "up": [], "up, no change": []}
    for number in range(rounds):
        with bare_guests(bench, guests) as ports:
            times["bare QEMU"].append(wait_bare(bench, ports))
            print(f"  bare QEMU {times['bare QEMU'][-1]:.1f}", flush=True)
        times["up"].append(bench.playbook("up", guests))
        times["up, no change"] += [bench.playbook("up", guests) for dummy in range(3)]
        bench.playbook("destroy", guests, burrow_destroy_all=True)
        print(
            f"  round {number + 1}: " + ", ".join(f"{what} {took[-1]:.1f}" for what, took in times.items()), flush=True
        )
    return times


def main() -> None:
    """Measure one guest, then two at once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--image", default="debian-13")
    parser.add_argument("--guests", type=int, nargs="*", default=[1, 2], choices=(1, 2))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="burrow-bench-", dir="/var/tmp") as directory:
        bench = Bench(Path(directory), options.image)
        interpreter = "ansible_python_interpreter=/usr/bin/python3"
        bench.ansible("ansible", "localhost", "-m", "burrow.vm.image", "-a", f"name={options.image}", "-e", interpreter)
        for count in options.guests:
            print(f"{count} guest(s), {options.image}, {options.rounds} rounds", flush=True)
            for what, took in measure(bench, list(NAMES[:count]), options.rounds).items():
                print(f"{what:>16}: median {statistics.median(took):6.1f} s  ({min(took):.1f} to {max(took):.1f})")


if __name__ == "__main__":
    main()
