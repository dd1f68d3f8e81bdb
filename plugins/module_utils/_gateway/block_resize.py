# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Grows the disk of a running domain. libvirt is imported only then: a disk alone doesn't need it."""

from __future__ import annotations

import importlib

from .._errors import HostError


def grow(uri: str, domain: str, path: str, size: int) -> None:
    """Set the virtual size (bytes) of the disk that the running domain has open; its guest sees it at once."""
    operation = f"grow the disk of the running domain {domain}"
    try:
        libvirt = importlib.import_module("libvirt")
    except ImportError as error:
        hint = "Set ansible_python_interpreter to the Python that has it (package python3-libvirt)."
        raise HostError(operation, path, "libvirt-python is missing", hint, "no_libvirt") from error
    # Without this the library writes each error to standard error too.
    libvirt.registerErrorHandler(lambda *_arguments: None, None)
    try:
        connection = libvirt.open(uri)
        try:
            connection.lookupByName(domain).blockResize(path, size, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
        finally:
            connection.close()
    except libvirt.libvirtError as error:
        hint = "Another process has the disk open, or the domain is another one: stop it and run again."
        raise HostError(operation, path, str(error), hint, "libvirt") from error
