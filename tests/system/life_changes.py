# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that the guest of test_life.py takes as it runs: one table, and what is asked to see them. Run as root."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .conftest import virsh
from .life import GUEST, PORT, Life

# Not in a home directory, since QEMU's user has to pass; AppArmor's helper wants such endings.
IMAGES = Path("/var/lib/libvirt/images")
DISK, ONE, TWO = IMAGES / "life-plugged.img", IMAGES / "life-one.iso", IMAGES / "life-two.iso"
MIB = 1 << 20
MAC = "52:54:00:28:22:04"
# A bridge of the host without an uplink; its addresses are link-local, as a host may have any other network already.
BRIDGE, HOST, OWN = "life-bridge", "169.254.28.1", "169.254.28.2"
# What the guest has to have from its start on, to be changed as it runs.
ROOM: Mapping[str, Any] = {
    "cpus_maximum": 3,
    "pcie_root_ports": 16,
    # Debian's cloud kernels have no AHCI.
    "disks": [{"name": "disc", "device": "cdrom", "bus": "scsi", "source": str(ONE)}],
    "graphics": [{"type": "vnc", "password": "first"}],
}

Question = Callable[[Life], str]


@dataclass(frozen=True)
class Change:
    """What the module is told, what is asked then, and the answer.

    rows: which rows of the collection's own table it shows at work. needs: what the host must be able to do for it.
    """

    options: Mapping[str, Any]
    ask: Question
    answer: str
    rows: tuple[str, ...] = ()
    module: str = "domain"
    needs: tuple[str, ...] = ()


def inside(script: str) -> Question:
    """Ask the guest, as root."""
    return lambda life: life.ssh(f"sudo bash <<'END' 2>&1\n{script}\ntrue\nEND").strip()


_FIND_DISK = "disk=$(basename $(dirname $(grep -lx plugged /sys/block/*/serial)))"
_FIND_NIC = f"nic=$(basename $(dirname $(grep -l {MAC} /sys/class/net/*/address)))"
_CARRIER = f"{_FIND_NIC}; ip link set $nic up; cat /sys/class/net/$nic/carrier"
# Both take three seconds where there is a limit of 1 MiB, and else some tenths.
_READ = f"""{_FIND_DISK}
start=$(date +%s%3N)
dd if=/dev/$disk of=/dev/null iflag=direct bs=64k count=48 status=none
[ $(($(date +%s%3N) - start)) -ge 2000 ] && echo slow || echo fast
"""
# In steps of 128 MiB, as what the kernel keeps of it for itself varies.
_MEMORY = "awk '/^MemTotal/ {print int($2 / 131072) * 128}' /proc/meminfo"
# A CPU that was added is offline, unless a udev rule of the distribution says otherwise. Linux 6.12 takes QEMU's
# emulation for a bare machine, which has no place for a CPU that comes later: it says so when it sees it come.
_CPUS = """for cpu in /sys/devices/system/cpu/cpu*/online; do echo 1 >$cpu; done
[ $(nproc) = 3 ] || dmesg | grep -q 'Unable to map lapic to logical cpu' && echo it came
"""
# Anything that is sent asks for the neighbour's address first.
_NEIGHBOUR = f"""{_FIND_NIC}
ip address replace {OWN}/30 dev $nic
ip neighbour flush dev $nic
echo >/dev/udp/{HOST}/9
sleep 0.5
ip neighbour show {HOST} dev $nic | sed -n 's/.*lladdr \\(.\\{{17\\}}\\).*/\\1/p'
"""
_RECEIVE = f"""start=$(date +%s%3N)
cat </dev/tcp/{HOST}/{{port}} >/dev/null
[ $(($(date +%s%3N) - start)) -ge 2000 ] && echo slow || echo fast
"""


def _bridge_seen(life: Life) -> str:
    """Whether the host's bridge is what the guest has at the other end of its cable."""
    seen = inside(_NEIGHBOUR)(life)
    return "the bridge" if seen == Path(f"/sys/class/net/{BRIDGE}/address").read_text().strip() else seen


def _speed(life: Life) -> str:
    """How fast the guest takes 3 MiB from the host."""

    def serve() -> None:
        connection, _peer = server.accept()
        with connection:
            connection.sendall(bytes(3 * MIB))

    with socket.create_server((HOST, 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        return inside(_RECEIVE.format(port=server.getsockname()[1]))(life)


def _passwords(_life: Life) -> str:
    """Which of both passwords the guest's screen is shown for."""
    found = re.fullmatch(r"(?P<address>[\d.]+):(?P<display>\d+)", virsh("vncdisplay", GUEST).strip())
    assert found
    place = (found["address"], 5900 + int(found["display"]))
    return " ".join(password for password in ("first", "second") if _shown_for(place, password))


def _shown_for(place: tuple[str, int], password: str) -> bool:
    """Log in by VNC (RFC 6143, 7.2.2): the password is the key of DES, each of its bytes with the least bit first."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode().ljust(8, b"\0"))
    # Thrice the same key, since DES itself is gone from OpenSSL 3.
    cipher = ["openssl", "enc", "-des-ede3-ecb", "-nopad", "-K", key.hex() * 3]
    with socket.create_connection(place, 20) as connection, connection.makefile("rb") as said:
        connection.sendall(said.read(12))
        assert b"\2" in said.read(said.read(1)[0]), "it asks for no password"
        connection.sendall(b"\2")
        connection.sendall(subprocess.run(cipher, input=said.read(16), capture_output=True, check=True).stdout)
        return said.read(4) == bytes(4)


def _banner(_life: Life) -> str:
    """What the guest says at the forward. QEMU takes each connection, and closes it where the guest refuses it."""
    with contextlib.suppress(ConnectionResetError), socket.create_connection(("127.0.0.1", PORT), 10) as connection:
        connection.settimeout(20)
        return connection.recv(8).decode()
    return ""


def _words(_life: Life) -> str:
    """What a guest never sees of itself, so that libvirt is asked."""
    noted = re.search(r"""\sbranch=["']([^"']*)""", virsh("dumpxml", GUEST))
    autostart = "yes" if GUEST in virsh("list", "--all", "--autostart", "--name").split() else "no"
    said = (virsh("desc", "--title", GUEST), virsh("desc", GUEST), noted[1] if noted else "")
    return ", ".join([*(word.strip() for word in said), f"autostart {autostart}"])


def _forward(port: int) -> dict[str, Any]:
    return {"forwards": [{"host_port": PORT, "guest_port": port}]}


def _disk(**said: object) -> dict[str, Any]:
    return {"disks": [{"name": "plugged", **said}]}


def _interface(**said: object) -> dict[str, Any]:
    return {"interfaces": [{"mac": MAC, **said}]}


# In their order: each begins where the one before it ended, and at the end nothing is left of them but a CPU.
CHANGES: Mapping[str, Change] = {
    "a disk is added": Change(
        _disk(source=str(DISK), format="raw"),
        inside(f"{_FIND_DISK}; head -c 8 /dev/$disk; {_READ}"),
        "plugged\nfast",
        ("disks[] added",),
    ),
    "a disk grows": Change(
        {"path": str(DISK), "size": "32MiB", "domain": GUEST},
        inside(f"{_FIND_DISK}; cat /sys/block/$disk/size"),
        str(32 * MIB // 512),
        module="disk",
    ),
    "a disk is limited": Change(_disk(iotune={"read_bytes": "1MiB"}), inside(_READ), "slow", ("disks[].iotune.*",)),
    "a disk is limited no more": Change(
        _disk(iotune={"read_bytes": "none"}), inside(_READ), "fast", ("disks[].iotune.*",)
    ),
    "another disc is in the drive": Change(
        {"disks": [{"name": "disc", "source": str(TWO)}]},
        inside("head -c 3 /dev/sr0"),
        "two",
        ("disks[].source",),
    ),
    "the drive is empty": Change(
        {"disks": [{"name": "disc", "source": "none"}]},
        inside("head -c 3 /dev/sr0"),
        "head: cannot open '/dev/sr0' for reading: No medium found",
        ("disks[].source",),
    ),
    "an interface is added": Change(_interface(source="burrow"), inside(_CARRIER), "1", ("interfaces[] added",)),
    "a cable is pulled": Change(_interface(link="down"), inside(_CARRIER), "0", ("interfaces[].link",)),
    "a cable is plugged in": Change(_interface(link="up"), inside(_CARRIER), "1", ("interfaces[].link",)),
    "a cable leads elsewhere": Change(
        _interface(type="bridge", source=BRIDGE),
        _bridge_seen,
        "the bridge",
        ("interfaces[].type", "interfaces[].source"),
    ),
    "an interface is limited": Change(
        _interface(bandwidth={"inbound": "1MiB"}),
        _speed,
        "slow",
        ("interfaces[].bandwidth.*",),
        needs=("unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "sfq"),
    ),
    "packets are filtered": Change(
        _interface(filter="no-other-l2-traffic"), _bridge_seen, "", ("interfaces[].filter",)
    ),
    "packets are filtered no more": Change(
        _interface(filter="none"), _bridge_seen, "the bridge", ("interfaces[].filter",)
    ),
    "a CPU is added": Change({"cpus": 3}, inside(_CPUS), "it came", ("cpus",)),
    "memory is given back": Change({"memory": "1GiB"}, inside(_MEMORY), "896", ("memory",)),
    "memory is taken": Change({"memory": "1280MiB"}, inside(_MEMORY), "1152", ("memory",)),
    "a forward leads elsewhere": Change(_forward(23), _banner, "", ("forwards[].guest_port",)),
    "a forward leads back": Change(_forward(22), _banner, "SSH-2.0-", ("forwards[].guest_port",)),
    "a screen has another password": Change(
        {"graphics": [{"type": "vnc", "password": "second"}]}, _passwords, "second", ("graphics[].password",)
    ),
    "it is described": Change(
        {"title": "Of long life", "description": "As tests go.", "metadata": {"branch": "life"}, "autostart": False},
        _words,
        "Of long life, As tests go., life, autostart no",
        ("title", "description", "metadata.*"),
    ),
    "it starts with the host": Change({"autostart": True}, _words, "Of long life, As tests go., life, autostart yes"),
    "devices are taken away": Change(
        {
            "disks": [{"name": name} for name in ("root", "seed", "disc")],
            "interfaces": [{"source": "burrow"}],
            "purge": ["disks", "interfaces"],
        },
        inside(f"grep -lx plugged /sys/block/*/serial; grep -l {MAC} /sys/class/net/*/address"),
        "",
        ("disks[] removed", "interfaces[] removed"),
    ),
}
# What the collection's own table has besides, and why it has no place above.
ELSEWHERE: Mapping[str, str] = {
    "cpus_maximum": "the same in other words, of which a guest sees nothing",
    "memory_maximum": "the same in other words, of which a guest sees nothing",
    "forwards[] added": "seen by what playbook up does",
    "forwards[] removed": "seen by what playbook up does",
    "hostdevs[] added": "the host has no device to spare",
    "hostdevs[] removed": "the host has no device to spare",
}


@contextlib.contextmanager
def surroundings() -> Iterator[None]:
    """Have the files and the bridge."""
    for file, content in ((DISK, "plugged\n"), (ONE, "one\n"), (TWO, "two\n")):
        file.write_bytes(content.encode().ljust(16 * MIB if file == DISK else MIB, b"\0"))
    # The kernel's own delay lets no packet of a new port through for 15 seconds; libvirt's bridges have none either.
    for arguments in (
        ["link", "add", BRIDGE, "type", "bridge", "forward_delay", "0"],
        ["address", "add", f"{HOST}/30", "dev", BRIDGE],
        ["link", "set", BRIDGE, "up"],
    ):
        subprocess.run(["ip", *arguments], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)
        for file in (DISK, ONE, TWO):
            file.unlink(missing_ok=True)
