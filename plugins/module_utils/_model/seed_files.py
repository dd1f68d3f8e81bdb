# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a NoCloud seed, as bytes. The same record gives the same bytes."""

from __future__ import annotations

import base64
from typing import Optional

from .boot_script import EVERY_BOOT_SCRIPT, SHARES_SCRIPT, boot_hook, shares_script
from .cloud_config import overlaid, own_config
from .seed import Record
from .yaml_json import dumps

# The names that cloud-init's NoCloud looks for on a file system with this label.
LABEL = "cidata"
# Content is in base64, which has no "=" at a line's begin, so that no content can look like it.
_BOUNDARY = "==burrow=="


def files(record: Record, host_key: Optional[tuple[str, str]]) -> dict[str, bytes]:
    """The seed's files. host_key: private and public text, None in a sealed seed."""
    contents = {
        "meta-data": dumps(
            {
                **record.once["meta_data"],
                "instance-id": record.instance_id,
                "local-hostname": record.once["hostname"],
            }
        ).encode(),
        "user-data": user_data(record, host_key),
    }
    if record.once["network_config"] is not None:
        contents["network-config"] = dumps(record.once["network_config"]).encode()
    return {name: content + b"\n" for name, content in contents.items()}


def user_data(record: Record, host_key: Optional[tuple[str, str]]) -> bytes:
    """MIME multi-part. cloud-init handles the parts in their order."""
    once, boot = record.once, record.boot
    own = own_config(once["user"], once["uid"], once["authorized_keys"], host_key)
    config = dumps(overlaid(own, once["cloud_config"]))
    # name, type, content; a part without content is left out.
    parts = (
        ("burrow-boot", "cloud-boothook", boot_hook(boot["shares"], boot["workdir"], once["user"])),
        ("burrow-config", "cloud-config", f"#cloud-config\n{config}\n"),
        (SHARES_SCRIPT, "x-shellscript-per-boot", shares_script(boot["shares"]) if boot["shares"] else None),
        (EVERY_BOOT_SCRIPT, "x-shellscript-per-boot", boot["every_boot_script"]),
        ("burrow-first-boot", "x-shellscript", once["first_boot_script"]),
    )
    written = [_part(name, kind, content) for name, kind, content in parts if content is not None]
    head = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{_BOUNDARY}"\n'
    return f"{head}\n{''.join(written)}--{_BOUNDARY}--".encode()


def _part(name: str, kind: str, content: str) -> str:
    body = base64.encodebytes(content.encode()).decode()
    return (
        f'--{_BOUNDARY}\nContent-Type: text/{kind}; charset="utf-8"\nMIME-Version: 1.0\n'
        f'Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="{name}"\n\n{body}\n'
    )
