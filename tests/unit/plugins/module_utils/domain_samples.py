# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions for the tests of domains: together they state each field of the model."""

from __future__ import annotations

from typing import Any

from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.device_samples import DEVICE_SAMPLES

NAME = "work"
CREATED = "2026-11-01T10:00:00+00:00"
_METADATA = {
    "profile": "dev",
    "image": "debian-13",
    "repository": "https://example.org/a?b&c",
    "branch": 'fix/"<quotes>"',
    "digests": {"image": "sha256-12", "cloud_config": "34"},
}

# What option xml is for, an element of each way to be found.
XML = """
<domain>
  <!-- said in other words than libvirt's -->
  <name>work</name>
  <memtune><hard_limit unit="KiB">16777216</hard_limit></memtune>
  <features><kvm><hidden state="on"/></kvm></features>
  <cpu><feature policy="require" name="svm"/></cpu>
  <clock><timer name="tsc" present="yes"/></clock>
  <devices>
    <disk><serial>root</serial><driver detect_zeroes="on"/></disk>
    <watchdog model="i6300esb" action="poweroff"/>
    <input type="tablet" bus="virtio"/>
    <video><model type="bochs"/></video>
  </devices>
  <qemu:commandline xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
    <qemu:arg value="-fw_cfg"/>
    <qemu:arg value="name=opt/org.example/a,string=b"/>
  </qemu:commandline>
</domain>
"""

# name of a golden file -> architecture and parameters
SAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "minimal": ("x86_64", {"cpus": 1, "memory": "256MiB", "accelerator": "kvm", "machine": "q35", "firmware": "bios"}),
    "full": (
        "x86_64",
        {
            "cpus": 4,
            "memory": "8GiB",
            "accelerator": "tcg",
            "machine": "q35",
            "cpu": {"mode": "maximum", "disable": ["cx16", "svm"]},
            "firmware": "efi",
            "console_log": "/var/lib/burrow/guests/work/console.log",
            "metadata": _METADATA,
            "disks": [
                {"name": "root", "source": "/g/root.qcow2", "base": "/images/12/image.qcow2"},
                {"name": "data", "source": "/g/data & more.qcow2"},
                {"name": "seed", "source": "/g/seed.img", "format": "raw", "readonly": True},
            ],
            "interfaces": [
                {"source": "burrow", "mac": "52:54:00:00:00:01"},
                {"type": "bridge", "source": "br0", "mac": "52:54:00:00:00:02", "model": "e1000e"},
            ],
            "filesystems": [
                {"tag": "code", "source": "/srv/code", "readonly": True},
                {"tag": "out", "source": "/srv/a 'b' & <c>", "real": "/data/out"},
            ],
            "forwards": [
                {"host_port": 8080, "guest_port": 80},
                {"host_port": 2222, "guest_port": 22, "address": "0.0.0.0"},
            ],
        },
    ),
    "kernel": (
        "aarch64",
        {
            "cpus": 2,
            "memory": "1GiB",
            "accelerator": "kvm",
            "machine": "virt",
            "cpu": {"mode": "host-passthrough"},
            "vsock": {"cid": "auto"},
            "kernel": {"path": "/k/vmlinuz", "initrd": "/k/initrd", "cmdline": "console=ttyAMA0 root=LABEL=x quiet"},
            "forwards": [{"host_port": 8080, "guest_port": 80}],
        },
    ),
    "hypervisor": (
        "x86_64",
        {
            "cpus": 2,
            "memory": "6GiB",
            "accelerator": "tcg",
            "machine": "q35",
            "cpu": {"mode": "maximum"},
            "firmware": "efi",
            "iommu": "intel",
            "vsock": {"cid": 42},
            "pcie_root_ports": 14,
            "disks": [{"name": "root", "source": "/g/root.qcow2"}],
            "forwards": [{"host_port": 8080, "guest_port": 80}],
            "xml": XML,
        },
    ),
    "large": (
        "x86_64",
        {
            "cpus": 4,
            "cpus_maximum": 16,
            "memory": "4GiB",
            "memory_maximum": "16GiB",
            "memory_backing": {"hugepages": "2MiB", "locked": True, "shared": True},
            "numa": [{"cpus": "0-3,8-11", "memory": "8GiB"}, {"cpus": "4-7,12-15", "memory": "8GiB"}],
            "accelerator": "tcg",
            "machine": "q35",
            "firmware": "efi",
            "secure_boot": True,
            "tpm": "emulator",
            "watchdog": {"model": "i6300esb", "action": "poweroff"},
            "balloon": "virtio",
            "rng": "builtin",
            "clock": {"timezone": "Europe/Berlin"},
            "on_poweroff": "destroy",
            "on_reboot": "destroy",
            "on_crash": "coredump-restart",
            "title": 'A <large> & "odd" one',
            "description": "Of two lines,\n\nand an empty one.",
            "qemu_commandline": ["-fw_cfg", "name=opt/org.example/b,string=<c d>"],
            "forwards": [{"host_port": 8080, "guest_port": 80}],
            "cpu": {
                "model": "Nehalem",
                "require": ["aes", "pcid"],
                "disable": ["svm"],
                "force": ["rdrand"],
                "topology": {"sockets": 2, "cores": 4, "threads": 2},
                "pinning": {0: "1,0", 3: 1, "emulator": "0-1"},
            },
        },
    ),
    "pc": (
        "x86_64",
        {
            "cpus": 1,
            "memory": "512MiB",
            "accelerator": "tcg",
            "machine": "pc",
            "firmware": "bios",
            "forwards": [{"host_port": 8080, "guest_port": 80}],
        },
    ),
    **DEVICE_SAMPLES,
}

for architecture, params in SAMPLES.values():
    params["architecture"] = architecture
