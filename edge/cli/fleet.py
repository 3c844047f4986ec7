"""Options that let a service tell a broker of its smears."""

from __future__ import annotations

import argparse
import platform
import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from edge.cli.command import say
from edge.cli.extras import need


def add_fleet(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--mqtt",
        metavar="ADDRESS",
        help="tell the broker at mqtt[s]://host[:port]/prefix of each smear that is over: counts"
        " and histograms, no images, no names",
    )
    parser.add_argument(
        "--mqtt-login",
        type=Path,
        metavar="FILE",
        help="two lines, user and password, for this user alone to read; or EDGE_ALL_MQTT_USER and"
        " EDGE_ALL_MQTT_PASSWORD in the environment",
    )
    parser.add_argument(
        "--mqtt-ca",
        type=Path,
        metavar="FILE",
        help="PEM file of the authority that signs the broker's certificate; by default those of"
        " the system",
    )
    parser.add_argument(
        "--instrument",
        metavar="NAME",
        help="what the broker is told that this device is called; its host name by default",
    )


def publisher_of(options: argparse.Namespace) -> AbstractContextManager[object]:
    """Make what publishes the smears of a database meanwhile, if that is asked for.

    Raises
    ------
    BrokerRefused, ExtraMissing
    """
    from edge.fleet.broker import broker_at, instrument_name

    if options.mqtt is None:
        return nullcontext()
    need("mqtt", "paho")
    from edge.fleet.publisher import Publisher

    broker = broker_at(options.mqtt, options.mqtt_login, options.mqtt_ca)
    own = re.sub(r"[^A-Za-z0-9_.-]", "-", platform.node())[:60] or "edge-all"
    instrument = own if options.instrument is None else instrument_name(options.instrument)
    return Publisher(options.out, broker, instrument, say)
