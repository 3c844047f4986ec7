"""A real Mosquitto that tests start, stop and start again, and somebody who listens to it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None, reason="no mosquitto here: apt install mosquitto"
)
_PATIENCE = 20.0


class Mosquitto:
    """A broker of its own folder, which keeps what is retained when it is stopped."""

    def __init__(self, folder: Path, *settings: str, is_open: bool = True) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._settings = folder / "mosquitto.conf"
        store = folder / "store"
        store.mkdir(parents=True)
        store.chmod(0o777)
        lines = (
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {str(is_open).lower()}",
            "persistence true",
            f"persistence_location {store}/",
            "user root",
            *settings,
        )
        self._settings.write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        self.process = subprocess.Popen(
            [MOSQUITTO, "-c", self._settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < until, "mosquitto does not come up"
                time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(_PATIENCE)
            self.process = None


class Listener:
    """Everything that a broker is told below a prefix, by QoS 1; comes back by itself."""

    def __init__(self, port: int, prefix: str, **login: str) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self._prefix = prefix
        self._listens = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, f"listener-{prefix}", clean_session=False
        )
        if login:
            self._client.username_pw_set(**login)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{prefix}/#", qos=1)
        self._client.on_subscribe = lambda *_: self._listens.set()
        self._client.on_message = lambda client, data, message: self.messages.append(
            (message.topic, message.payload)
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._listens.wait(_PATIENCE)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def states(self) -> list[str]:
        return [payload.decode() for topic, payload in self.messages if topic.endswith("/state")]

    @property
    def smears(self) -> dict[str, dict[str, Any]]:
        """Summaries by their id; one that comes twice must be the same."""
        found: dict[str, dict[str, Any]] = {}
        for topic, payload in self.messages:
            if "/smears/" in topic:
                given = json.loads(payload)
                assert topic == f"{self._prefix}/{given['id'].replace('/', '/smears/')}"
                assert found.setdefault(given["id"], given) == given
        return found
