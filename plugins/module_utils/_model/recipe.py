# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a built image holds besides its packages: a cloud image that starts fast.

Times in comments are those of a guest with two emulated CPUs (TCG).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from .release import DEFAULT_CONTENT, Architecture, Content, Release

# Counts up when the recipe changes what is in an image although the mirror is the same.
VERSION = 1

ROOT_LABEL = "root"
ESP_LABEL = "ESP"
ESP_MOUNT = "boot/efi"
# Room for three kernels with full initramfs images: upgrades keep the running one and its predecessor.
ESP_MIB = 256
DISK_MIB = 3072
# systemd's kernel-install names entries by machine-id unless this says otherwise; images have none yet.
ENTRY_NAME = "burrow"

_CLOUD = {
    # Probing for the data sources of public clouds costs seconds, and a foreign one could take a guest over.
    "datasource_list": ["NoCloud", "None"],
    # Making an RSA key takes up to 9 s.
    "ssh_genkeytypes": ["ed25519"],
    # cloud-init's own default makes it generate en_US.UTF-8.
    "locale": "C.UTF-8",
    # There is no GRUB to configure (0.9 s), and nobody needs public keys on the console (0.4 s).
    "grub_dpkg": {"enabled": False},
    "ssh": {"emit_keys_to_console": False},
}

# The initramfs of a guest needs what reaches its root disk, whichever of these buses that is on.
_MODULES = ("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "sd_mod", "nvme", "ext4")

_EARLY: Mapping[str, str] = {
    "etc/fstab": (
        f"LABEL={ROOT_LABEL} / ext4 errors=remount-ro 0 1\n"
        # Mounted when a kernel is installed: no boot waits for it.
        f"LABEL={ESP_LABEL} /{ESP_MOUNT} vfat "
        "umask=0077,noauto,nofail,x-systemd.automount,x-systemd.idle-timeout=60 0 2\n"
    ),
    "etc/initramfs-tools/conf.d/burrow": "MODULES=list\n",
    "usr/share/initramfs-tools/modules.d/burrow": "".join(f"{module}\n" for module in _MODULES),
    # 30 s are what the initramfs waits for the root disk by itself: an emulated CPU on a busy host needs more now and
    # then. `rootdelay=` on the command line would make each boot sleep that long first (initramfs-tools' init).
    "etc/initramfs-tools/scripts/local-top/burrow": (
        '#!/bin/sh\n[ "$1" = prereqs ] && exit 0\necho ROOTDELAY=300 >> /conf/param.conf\n'
    ),
}

_LATE: Mapping[str, str] = {
    "etc/hosts": (
        "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n"
    ),
    "etc/default/locale": "LANG=C.UTF-8\n",
    # Empty, not missing: the first boot writes one, and does not reset which units are enabled.
    "etc/machine-id": "",
    "etc/kernel/entry-token": f"{ENTRY_NAME}\n",
    "etc/kernel/install.conf": "layout=bls\n",
    "etc/cloud/cloud.cfg.d/90-burrow.cfg": json.dumps(_CLOUD, indent=2) + "\n",
    # After cloud-init's own 50-cloud-init.conf, and the first value counts: a seed can allow passwords.
    "etc/ssh/sshd_config.d/60-burrow.conf": "PasswordAuthentication no\nKbdInteractiveAuthentication no\n",
    "etc/apt/apt.conf.d/90burrow": 'Acquire::Languages "none";\n',
    # A new guest would catch up on these at its first boot, and hold apt's lock while its user wants it.
    "etc/systemd/system/apt-daily.timer.d/burrow.conf": "[Timer]\nPersistent=false\n",
    "etc/systemd/system/apt-daily-upgrade.timer.d/burrow.conf": "[Timer]\nPersistent=false\n",
}

# Run in the mounted tree when all packages are in it: $1 is the tree.
CUSTOMIZE = """#!/bin/sh
set -eu
root=$1
for kernel in "$root"/boot/vmlinuz-*; do
    version=${kernel##*/vmlinuz-}
    # The same initramfs from the same packages: its time stamps are the kernel's.
    SOURCE_DATE_EPOCH=$(stat -c %Y "$kernel") chroot "$root" update-initramfs -c -k "$version"
done
chroot "$root" systemctl enable systemd-networkd.service systemd-resolved.service
chroot "$root" systemctl disable e2scrub_reap.service
"""


def identity(content: Content) -> str:
    """What a digest begins with: the recipe and what was chosen. So one record is true of all names with a digest."""
    text = f"burrow recipe {VERSION}\n"
    if content != DEFAULT_CONTENT:
        text += json.dumps(asdict(content), sort_keys=True) + "\n"
    return text


def early_files() -> Mapping[str, str]:
    """What must be there before packages are configured, by path."""
    return _EARLY


def late_files(release: Release, architecture: Architecture) -> Mapping[str, str]:
    """What is written when everything is installed, by path."""
    return {
        **_LATE,
        "etc/hostname": f"{release.family.name}\n",
        "etc/kernel/cmdline": command_line(architecture) + "\n",
    }


def command_line(architecture: Architecture) -> str:
    """The kernel's command line, by the boot loader's entry and for direct kernel boot alike."""
    return f"root=LABEL={ROOT_LABEL} ro console=tty0 console={architecture.console},115200 quiet"


def loader_files(release: Release, architecture: Architecture, kernel: str) -> Mapping[str, str]:
    """systemd-boot's configuration on the ESP, by path; the entry is named and laid out as kernel-install does it."""
    return {
        "loader/loader.conf": "timeout 0\n",
        f"loader/entries/{ENTRY_NAME}-{kernel}.conf": (
            f"title {release.name}\nversion {kernel}\nsort-key {release.family.name}\n"
            f"options {command_line(architecture)}\n"
            f"linux {kernel_path(kernel)}\ninitrd {initrd_path(kernel)}\n"
        ),
    }


def kernel_path(kernel: str) -> str:
    return f"/{ENTRY_NAME}/{kernel}/linux"


def initrd_path(kernel: str) -> str:
    return f"/{ENTRY_NAME}/{kernel}/initrd.img-{kernel}"


def bootstrap(
    release: Release,
    architecture: Architecture,
    tree: str,
    sources: str,
    hooks: Sequence[tuple[str, str]],
    *,
    packages: Sequence[str],
) -> list[str]:
    """mmdebstrap's arguments. sources is the path of a sources.list; hooks are (stage, shell command)."""
    return [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--format=directory",
        "--variant=minbase",
        f"--architectures={architecture.name}",
        # The tree is worth nothing before it is complete: dpkg need not sync each file.
        "--dpkgopt=force-unsafe-io",
        f"--include={','.join(packages)}",
        *(f"--{stage}-hook={command}" for stage, command in hooks),
        release.codename,
        tree,
        sources,
    ]
