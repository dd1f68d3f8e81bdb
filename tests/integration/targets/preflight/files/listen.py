# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listens on a port of its choice, writes it to the file named first, ends when the file goes."""

import pathlib
import socket
import sys
import time

place = pathlib.Path(sys.argv[1])
with socket.create_server(("127.0.0.1", 0)) as server:
    place.write_text(str(server.getsockname()[1]))
    while place.exists():
        time.sleep(0.2)
