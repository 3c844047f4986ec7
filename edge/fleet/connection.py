"""One connection to a broker, from its first packet to its last; a new one is made after it.

MQTT 5, because there a broker that refuses a message says so: by MQTT 3.1.1 it is acknowledged, and
gone.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from edge.errors import BrokerAway
from edge.fleet.broker import Broker

if TYPE_CHECKING:
    from paho.mqtt.reasoncodes import ReasonCode

ONLINE, OFFLINE = b"online", b"offline"
"""What stands, retained, in the topic ``<prefix>/<instrument>/state``."""

_KEEP_ALIVE = 30  # seconds; a device that is gone is offline after one and a half times that
_ANSWER = 10.0  # seconds that a broker may take to answer
_LOOK_EVERY = 0.2  # seconds


class Connection:
    """A connection that a broker has accepted; a context manager, for one thread.

    Parameters
    ----------
    broker : Broker
    instrument : str

    Raises
    ------
    BrokerAway
        If there is none: why.
    """

    def __init__(self, broker: Broker, instrument: str) -> None:
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        self._topic = f"{broker.prefix}/{instrument}"
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, f"edge-all-{instrument}", protocol=mqtt.MQTTv5
        )
        self._client.connect_timeout = _ANSWER
        self._client.will_set(f"{self._topic}/state", OFFLINE, qos=1, retain=True)
        if broker.user is not None:
            self._client.username_pw_set(broker.user, broker.password)
        self._client.on_connect = self._note_connected
        self._client.on_disconnect = self._note_disconnected
        self._client.on_publish = self._note_published
        self._connected: ReasonCode | None = None
        self._published: ReasonCode | None = None
        self._waits_for: int | None = None
        self._why = ""
        try:
            if broker.is_tls:
                self._client.tls_set(str(broker.authorities) if broker.authorities else None)
            self._client.connect(broker.host, broker.port, _KEEP_ALIVE, clean_start=True)
        except (OSError, ValueError) as error:  # ValueError: of a host name that is none
            raise BrokerAway(str(error) or type(error).__name__) from error
        self._accept()

    def _accept(self) -> None:
        until = time.monotonic() + _ANSWER
        while self._connected is None:
            self.wait(_LOOK_EVERY, until)
        if self._connected.is_failure:
            raise BrokerAway(str(self._connected))
        self._send("state", ONLINE)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._send("state", OFFLINE)
                self._client.disconnect()  # which takes the will back
        except BrokerAway:
            pass  # the will says it

    def send_smear(self, key: str, message: str) -> None:
        """Publish a message about a smear, and wait until the broker has it.

        Raises
        ------
        BrokerAway
            If the broker does not say so.
        """
        self._send(f"smears/{key}", message.encode())

    def wait(self, seconds: float, until: float | None = None) -> None:
        """Keep the connection alive for a while.

        Raises
        ------
        BrokerAway
            If it is lost, or `until`, by the monotonic clock, is over.
        """
        if self._client.loop(seconds):  # an error
            raise BrokerAway(self._why or "it closed the connection")
        if until is not None and time.monotonic() > until:
            raise BrokerAway(f"it did not answer within {_ANSWER:g} s")

    def _send(self, topic: str, payload: bytes) -> None:
        self._published = None
        sent = self._client.publish(f"{self._topic}/{topic}", payload, qos=1, retain=True)
        self._waits_for = sent.mid
        until = time.monotonic() + _ANSWER
        while self._published is None:
            self.wait(_LOOK_EVERY, until)
        if self._published.is_failure:
            raise BrokerAway(f"it does not take {self._topic}/{topic}: {self._published}")

    def _note_connected(self, client: Any, data: Any, flags: Any, reason: Any, more: Any) -> None:
        self._connected = reason
        if reason.is_failure:
            self._why = str(reason)

    def _note_disconnected(
        self, client: Any, data: Any, flags: Any, reason: Any, more: Any
    ) -> None:
        self._why = self._why or str(reason)

    def _note_published(self, client: Any, data: Any, mid: int, reason: Any, more: Any) -> None:
        if mid == self._waits_for:
            self._published = reason
