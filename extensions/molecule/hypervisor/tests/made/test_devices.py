# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a VM gets of its hypervisor, and gives back, while it runs: PCI and USB devices, macvtap, a VLAN of a bridge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import OUTER, VIRSH, task

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "molecule-devices"
LINK, BRIDGE, VLAN = "mole-dummy", "mole-bridge", 42
# create.yml gives the hypervisor both: a network interface that nothing uses, and a tablet.
DRIVER, TABLET = "e1000e", "0627:0001"
# The VM has no system that would let go of a PCI device. QEMU takes one by itself from a port without power, as a port
# is that nobody has turned on: but only where devices are plugged by the ports' own means, and not by ACPI's.
OPTIONS = {
    "name": NAME,
    "state": "running",
    # Firmware must not run by the emulated KVM (see inventory/bed.yml).
    "accelerator": "tcg",
    "cpus": 1,
    "memory": "256MiB",
    "firmware": "bios",
    "tpm": "emulator",
    "pcie_root_ports": 12,
    "qemu_commandline": ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"],
    "xml": "<domain><devices><controller type='usb' index='0' model='qemu-xhci'/></devices></domain>",
}
LINKS = f"""ip link add {LINK} type dummy && ip link set {LINK} up
ip link add {BRIDGE} type bridge vlan_filtering 1 && ip link set {BRIDGE} up"""
REMAINS = f"""{VIRSH} destroy {NAME}; {VIRSH} undefine --tpm {NAME}; ip link delete {LINK}; ip link delete {BRIDGE}"""


@pytest.fixture(scope="module")
def host(connections: dict[str, Any]) -> Iterator[Any]:
    """The hypervisor as root, with a VM that has no disk, and something to attach its interfaces to."""
    host = connections[OUTER]
    with host.sudo():
        host.check_output(f"set -e; {LINKS}")
        try:
            made = task("burrow.vm.domain", OPTIONS)
            assert made.get("changed"), made
            yield host
        finally:
            host.run(REMAINS)


@pytest.fixture(scope="module")
def wanted(host: Any) -> dict[str, Any]:
    """All of it at once."""
    address = host.check_output(f"basename /sys/bus/pci/drivers/{DRIVER}/0000:*")
    return {
        "name": NAME,
        "interfaces": [
            {"type": "direct", "source": LINK},
            {"type": "bridge", "source": BRIDGE, "vlan": str(VLAN)},
        ],
        "hostdevs": [{"pci": address}, {"usb": TABLET}],
        "timeout": 30,
    }


def drivers(host: Any, address: str) -> tuple[str, str]:
    """What drives the PCI device and the USB device on the hypervisor."""
    usb = f"$(dirname $(grep -l {TABLET.partition(':')[0]} /sys/bus/usb/devices/*/idVendor))"
    found = host.check_output(
        f"for at in /sys/bus/pci/devices/{address} {usb}/*:1.0; do basename $(readlink $at/driver || echo none); done"
    )
    pci, tablet = found.split()
    return pci, tablet


def links(host: Any) -> dict[str, str]:
    """Type -> name on the hypervisor of the VM's interfaces."""
    rows = [line.split() for line in host.check_output(f"{VIRSH} domiflist {NAME}").splitlines()]
    return {row[1]: row[0] for row in rows if len(row) == 5}


def test_they_are_plugged_in_while_it_runs(host: Any, wanted: dict[str, Any]) -> None:
    address = wanted["hostdevs"][0]["pci"]
    planned = task("burrow.vm.domain", wanted, check=True)
    assert drivers(host, address) == (DRIVER, "usbhid")

    done = task("burrow.vm.domain", wanted)
    assert done.get("changed"), done
    assert done["actions"] == planned["actions"]
    assert done["restart_required"] == []
    assert done["actions"][0].count("(while it runs)") == 4

    # QEMU takes the tablet from its driver, and would be that itself as soon as a system in the VM uses it.
    pci, tablet = drivers(host, address)
    assert pci == "vfio-pci"
    assert tablet in ("none", "usbfs")
    seen = host.check_output(f"{VIRSH} qemu-monitor-command --hmp {NAME} 'info qtree'")
    assert all(word in seen for word in ("dev: vfio-pci", address, "dev: usb-host"))
    there = links(host)
    details = json.loads(host.check_output(f"ip -details -json link show dev {there['direct']}"))[0]
    assert (details["link"], details["linkinfo"]["info_kind"]) == (LINK, "macvtap")
    assert details["linkinfo"]["info_data"]["mode"] == "bridge"
    tags = json.loads(host.check_output(f"bridge -json vlan show dev {there['bridge']}"))[0]["vlans"]
    assert [tag["vlan"] for tag in tags if "PVID" in tag.get("flags", ())] == [VLAN]
    for definition in ("", " --inactive"):
        xml = host.check_output(f"{VIRSH} dumpxml{definition} {NAME}")
        assert [xml.count(word) for word in ("<hostdev ", "type='direct'", f"<tag id='{VLAN}'/>")] == [2, 1, 1]

    again = task("burrow.vm.domain", wanted)
    assert (again["changed"], again["actions"]) == (False, [])


def test_they_are_taken_away_while_it_runs(host: Any, wanted: dict[str, Any]) -> None:
    address = wanted["hostdevs"][0]["pci"]
    done = task("burrow.vm.domain", {**wanted, "interfaces": [], "hostdevs": [], "purge": ["interfaces", "hostdevs"]})
    assert done.get("changed"), done
    assert done["restart_required"] == []

    # libvirt gives a device back when QEMU has said that it is gone.
    host.check_output(
        f"for second in 1 2 3 4 5; do [ -e /sys/bus/pci/drivers/{DRIVER}/{address} ] && exit; sleep 1; done; exit 1"
    )
    assert drivers(host, address) == (DRIVER, "usbhid")
    assert links(host) == {}
    for definition in ("", " --inactive"):
        assert "<hostdev " not in host.check_output(f"{VIRSH} dumpxml{definition} {NAME}")
    assert host.check_output(f"ls /sys/class/net/{BRIDGE}/brif; ip -brief link show type macvtap") == ""


def test_its_tpm_is_confined_and_goes_with_it(host: Any) -> None:
    uuid = host.check_output(f"{VIRSH} domuuid {NAME}").strip()
    state = f"/var/lib/libvirt/swtpm/{uuid}"
    host.check_output(f"test -s {state}/tpm2/tpm2-00.permall")
    label = host.check_output(f"cat /proc/$(pgrep --full '^/usr/bin/swtpm.*{uuid}')/attr/current")
    assert label.endswith("(enforce)")
    removed = task("burrow.vm.domain", {"name": NAME, "state": "absent"})
    assert removed.get("changed"), removed
    assert not host.file(state).exists
