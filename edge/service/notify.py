"""What systemd is told: ready, alive, and what is waited for (sd_notify, by the standard library).

A datagram of ``NAME=value`` lines to the socket that ``NOTIFY_SOCKET`` names; without one, nothing
is told. Source: sd_notify(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class ServiceManager:
    """The service manager that started this process, if one did.

    Parameters
    ----------
    environment : mapping, optional
        Where ``NOTIFY_SOCKET`` and ``WATCHDOG_USEC`` stand.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        watchdog = environment.get("WATCHDOG_USEC", "")
        self.watchdog = int(watchdog) / 1e6 if watchdog.isdecimal() else None
        """Seconds within which it wants to hear that results are stored; None: it does not."""

    def tell(self, **values: object) -> None:
        """Tell it something: ``READY=1``, ``WATCHDOG=1``, ``STATUS=...``.

        Whether it listens is not this process's business: results matter more.
        """
        if not self._address:
            return
        lines = "\n".join(f"{name}={value}" for name, value in values.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.sendto(lines.encode(errors="replace"), socket.MSG_DONTWAIT, self._address)
        except OSError:
            return
