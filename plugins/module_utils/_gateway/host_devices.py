# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PCI and USB devices of this host, by sysfs."""

from __future__ import annotations

import glob
import os

from . import kept_files as files

_PCI = "/sys/bus/pci/devices"
_USB = "/sys/bus/usb/devices"


def has_pci(address: str) -> bool:
    return os.path.exists(os.path.join(_PCI, address))


def in_group(address: str) -> bool:
    """Whether a PCI device is in an IOMMU group: else no guest can have it."""
    return os.path.exists(os.path.join(_PCI, address, "iommu_group"))


def usb(name: str) -> int:
    """How many USB devices have this bus and device, as in 3/7, or this vendor and product, as in 046d:c52b."""
    first, second = ("busnum", "devnum") if "/" in name else ("idVendor", "idProduct")
    wanted = name.split("/" if "/" in name else ":")
    places = glob.glob(os.path.join(_USB, "*", first))
    return sum([_word(place), _word(os.path.join(os.path.dirname(place), second))] == wanted for place in places)


def _word(path: str) -> str:
    return (files.read(path) or b"").decode("ascii", "replace").strip()
