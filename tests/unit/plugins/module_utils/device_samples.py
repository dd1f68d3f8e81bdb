# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions for the tests of a domain's devices: together they state each field of each list."""

from __future__ import annotations

from typing import Any

_BASE = {"cpus": 1, "memory": "512MiB", "accelerator": "tcg", "machine": "q35", "firmware": "bios"}
_LIMITS = {"read_bytes": "10MiB", "write_bytes": "5MiB", "read_iops": 100, "write_iops": 50}

# name of a golden file -> architecture and parameters
DEVICE_SAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "disks": (
        "x86_64",
        {
            **_BASE,
            "disks": [
                {"name": "root", "source": "/g/root.qcow2", "boot_order": 2, "iotune": _LIMITS},
                {"name": "lv", "source": "/dev/vg/lv", "bus": "scsi", "cache": "none", "io": "native"},
                {"name": "all", "source": "/g/all.raw", "format": "raw", "shareable": True, "discard": "ignore"},
                {"name": "stick", "source": "/g/stick.raw", "format": "raw", "bus": "usb", "readonly": True},
                {"name": "late", "source": "/g/late.qcow2", "bus": "sata", "target": "sdx", "base": "/i/image.qcow2"},
                {"name": "dvd", "source": "/g/install.iso", "device": "cdrom", "boot_order": 1},
                {"name": "tray", "device": "cdrom", "iotune": {"total_bytes": "1MiB", "total_iops": 7}},
            ],
        },
    ),
    "interfaces": (
        "x86_64",
        {
            **_BASE,
            "interfaces": [
                {"source": "burrow", "mac": "52:54:00:00:00:01", "queues": 4, "filter": "clean-traffic"},
                {
                    "type": "bridge",
                    "source": "br0",
                    "mac": "52:54:00:00:00:02",
                    "vlan": 42,
                    "bandwidth": {"inbound": "10MiB", "outbound": "512KiB"},
                },
                {"type": "direct", "source": "eth0", "mac": "52:54:00:00:00:03", "mode": "private", "boot_order": 1},
                {"type": "user", "mac": "52:54:00:00:00:04", "model": "e1000", "link": "down"},
            ],
        },
    ),
    "desktop": (
        "x86_64",
        {
            **_BASE,
            "hostdevs": [
                {"pci": "0000:01:00.0", "boot_order": 1},
                {"pci": "02:1f.7", "managed": False},
                {"usb": "046d:c52b"},
                {"usb": "3/007"},
            ],
            "serials": [
                {"port": 0, "type": "tcp", "source": "127.0.0.1:4555"},
                {"port": 1, "type": "unix", "source": "/run/a/b.sock"},
                {"port": 2, "type": "file", "source": "/var/log/c.log"},
            ],
            "channels": [{"name": "org.example.0", "source": "/run/a/c.sock"}],
            "graphics": [{"type": "vnc", "listen": "::", "port": 5977, "password": "geheim"}],
            "video": [{"model": "vga"}, {"model": "virtio"}],
            "sound": [{"model": "ich9", "audio": "none"}, {"model": "usb", "audio": "pulseaudio"}],
        },
    ),
    "remote": (
        "x86_64",
        {
            **_BASE,
            "channels": [{"name": "com.redhat.spice.0", "type": "spicevmc"}],
            "graphics": [{"type": "spice"}, {"type": "vnc", "listen": "/run/a/vnc.sock"}],
            "sound": [{"audio": "spice"}],
        },
    ),
}
