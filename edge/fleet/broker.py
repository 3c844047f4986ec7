"""Where an MQTT broker is, and what lets this device in; secrets come from files, or environment.

A command line is read by every user of a machine (``ps``), so no secret stands in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from edge.errors import BrokerRefused, CropUnreadable
from edge.files import read_bytes
from edge.secrets import without_secrets

USER, PASSWORD = "EDGE_ALL_MQTT_USER", "EDGE_ALL_MQTT_PASSWORD"
"""Variables of the environment."""

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PREFIX = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", re.ASCII)
_INSTRUMENT = re.compile(r"[A-Za-z0-9_.-]{1,60}", re.ASCII)


@dataclass(frozen=True)
class Broker:
    """A broker.

    Attributes
    ----------
    host : str
    port : int
    prefix : str
        Of all topics.
    is_tls : bool
    authorities : Path or None
        PEM file of the authority that signs its certificate; those of the system by default.
    user, password : str or None
    """

    host: str
    port: int
    prefix: str
    is_tls: bool = False
    authorities: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Address as it may be shown and kept."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.is_tls else 'mqtt'}://{host}:{self.port}/{self.prefix}"


def broker_at(
    address: str,
    login: Path | None = None,
    authorities: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Broker:
    """Read the address of a broker.

    Parameters
    ----------
    address : str
        ``mqtt[s]://host[:port]/prefix``.
    login : Path, optional
        File of two lines, user and password, which nobody else may read.
    authorities : Path, optional
        As for :class:`Broker`.
    environment : mapping
        Has user and password where there is no file.

    Raises
    ------
    BrokerRefused
        If the address is none, has a password in it, or a password would go out unencrypted; or a
        file cannot be used.
    """
    shown = without_secrets(address)
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError as error:
        raise BrokerRefused(f"{shown} is no address: {error}") from None
    if scheme not in _PORTS or not host or set("?#") & set(address):
        raise BrokerRefused(f"{shown} is no address of a broker; give mqtt[s]://host[:port]/prefix")
    if "@" in parts.netloc:
        raise BrokerRefused(
            f"{shown} has a user or password in it, which every user of this machine could read;"
            f" give --mqtt-login FILE, or {USER} and {PASSWORD}"
        )
    prefix = parts.path.strip("/") or "edge-all"
    if not _PREFIX.fullmatch(prefix):
        raise BrokerRefused(f"{shown}: topics begin with letters, digits, '_', '.', '-' and '/'")
    is_tls = scheme == "mqtts"
    if authorities is not None and not (is_tls and authorities.is_file()):
        raise BrokerRefused(f"{authorities} is no PEM file, or {shown} is not mqtts://")
    user, password = _login_of(login, environment)
    if password and not is_tls and host not in _LOOPBACK:
        raise BrokerRefused(f"the password would go to {shown} for all to read; use mqtts://")
    return Broker(host, port or _PORTS[scheme], prefix, is_tls, authorities, user, password)


def instrument_name(text: str) -> str:
    """Check what the fleet calls a device: it is a part of a topic.

    Raises
    ------
    BrokerRefused
    """
    if not _INSTRUMENT.fullmatch(text):
        raise BrokerRefused(
            f"{text!r} is no name of an instrument; give 1 to 60 letters, digits, '_', '.', '-'"
        )
    return text


def _login_of(path: Path | None, environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    if path is None:
        return environment.get(USER) or None, environment.get(PASSWORD) or None
    try:
        lines = read_bytes(path).decode("utf-8").splitlines()
    except (CropUnreadable, UnicodeDecodeError) as error:
        raise BrokerRefused(f"{path} cannot be read: {error}") from None
    if len(lines) != 2 or not all(lines):
        raise BrokerRefused(f"{path} must have two lines, user and password")
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise BrokerRefused(f"{path} may be read by others; chmod 600 {path}")
    return lines[0], lines[1]
