# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times the playbooks against a hypervisor that is reached over SSH: the one that scenario hypervisor keeps.

    cd .venv/collections/ansible_collections/burrow/vm/extensions
    export MOLECULE_EPHEMERAL_DIRECTORY=/var/tmp/bench
    molecule create -s hypervisor && molecule converge -s hypervisor
    cd - && .venvs/test/bin/python -m tests.bench.hypervisor --rounds 3

Ready means: a login over SSH works and cloud-init is done, in a VM of the hypervisor's KVM. Bare QEMU gets
the same image, kernel and memory as `up` gives it. Seconds; machines are noisy, so compare figures of one run only.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRATCH = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
os.environ["HOME"] = str(SCRATCH / "laptop")
os.environ["XDG_DATA_HOME"] = str(SCRATCH / "data")
os.environ["ANSIBLE_SSH_CONTROL_PATH_DIR"] = "/tmp/burrow-molecule-hypervisor"
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

from extensions.molecule.hypervisor.tests import conftest as bed  # noqa: E402 (it reads the environment)

DIRECTORY = "/var/tmp/bench"
BARE = f"""set -e
image=$(dirname $(realpath /var/lib/burrow/images/*/vmlinuz | head -1))
qemu-img create -q -f qcow2 -F qcow2 -b $image/image.qcow2 {DIRECTORY}/root.qcow2 20G
qemu-system-x86_64 -machine q35 -accel kvm -cpu host -smp 1 -m 640 -display none -serial file:{DIRECTORY}/console.log \\
  -kernel $image/vmlinuz -initrd $image/initrd.img -append 'root=LABEL=root ro console=ttyS0,115200 quiet' \\
  -drive file={DIRECTORY}/root.qcow2,if=virtio,format=qcow2 \\
  -drive file={DIRECTORY}/seed.img,if=virtio,format=raw,readonly=on \\
  -netdev user,id=net,hostfwd=tcp:127.0.0.1:22200-:22 -device virtio-net-pci,netdev=net &
trap "kill $!" EXIT
until ssh -i {DIRECTORY}/key -p 22200 -oConnectTimeout=5 \\
  -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oLogLevel=ERROR \\
  bench@127.0.0.1 'cloud-init status --wait'; do sleep 0.2; done
"""


def bare() -> None:
    """Boot the image under bare QEMU on the hypervisor."""
    entries = ("-F", str(bed.BURROW / "ssh_config"), "-o", "BatchMode=yes")
    bed.good(bed.run("ssh", *entries, bed.OUTER, f"sudo bash -s <<'END'\n{BARE}\nEND", limit=400))


def seed() -> None:
    """Make the seed of the bare guest, by the module that makes every seed."""
    key = f"rm -rf {DIRECTORY}; mkdir {DIRECTORY}; cd {DIRECTORY}; ssh-keygen -q -t ed25519 -N '' -f key; cat key.pub"
    public = bed.good(bed.ssh(bed.OUTER, f'sudo sh -c "{key}"')).strip()
    network = {"version": 2, "ethernets": {"net": {"match": {"name": "e*"}, "dhcp4": True}}}
    options = {"name": "bench", "data": DIRECTORY, "path": f"{DIRECTORY}/seed.img", "user": "bench"}
    made = bed.task("burrow.vm.cloud_init", {**options, "authorized_keys": [public], "network_config": network})
    if made.get("failed"):
        sys.exit(str(made))


def timed(what: str, times: dict[str, list[float]], action: Callable[[], object]) -> None:
    """Do it and keep how long it took."""
    began = time.monotonic()
    action()
    times.setdefault(what, []).append(time.monotonic() - began)
    print(f"  {what} {times[what][-1]:.1f}", flush=True)


def variants() -> Iterator[tuple[str, Callable[[], object]]]:
    """The runs that change nothing."""
    once = "-o ControlMaster=no -o ControlPath=none"
    yield "prepare, nothing to do", lambda: bed.unchanged(bed.play("prepare"))
    yield "up, no change", lambda: bed.unchanged(bed.play("up"))
    yield "up, no change, no ControlPersist", lambda: bed.unchanged(bed.play("up", ANSIBLE_SSH_ARGS=once))
    yield "up, no change, no pipelining", lambda: bed.unchanged(bed.play("up", ANSIBLE_PIPELINING="false"))


def several(directory: Path, count: int, rounds: int, times: dict[str, list[float]]) -> None:
    """Have several VMs, and run `up` again over all of them."""
    inventory = bed.inventory_copy(directory)
    names = [f"bench-{number}" for number in range(1, count + 1)]
    hosts = inventory / "several.yml"
    hosts.write_text(
        "burrow_guests:\n  hosts:\n" + "".join(f"    {name}: {{burrow_memory: 448MiB}}\n" for name in names)
    )
    limit = f"--limit={','.join(names)}"
    timed(f"up, {count} VMs at once", times, lambda: bed.good(bed.play("up", limit, inventory=inventory)))
    for dummy in range(rounds):
        timed(f"up, {count} VMs, no change", times, lambda: bed.unchanged(bed.play("up", limit, inventory=inventory)))
    bed.good(bed.play("destroy", limit, "-e", "burrow_destroy_all=true", inventory=inventory))


def main() -> None:
    """Measure one VM beside bare QEMU, runs without a change, then several VMs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--several", type=int, default=5, help="VMs at once; 0 leaves them out")
    options = parser.parse_args()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="burrow-bench-") as directory:
        alone = bed.inventory_copy(Path(directory) / "alone", guest="bench")
        for dummy in range(options.rounds):
            seed()
            timed("bare QEMU with KVM", times, bare)
            timed("up", times, lambda: bed.good(bed.play("up", inventory=alone)))
            bed.good(bed.play("destroy", "-e", "burrow_destroy_all=true", inventory=alone))
            for what, action in variants():
                timed(what, times, action)
        if options.several:
            several(Path(directory) / "several", options.several, options.rounds, times)
    for what, took in times.items():
        print(f"{what:>34}: median {statistics.median(took):6.1f} s  ({min(took):.1f} to {max(took):.1f})")


if __name__ == "__main__":
    main()
