"""Summaries of smears to a real broker that goes away, from a service that is killed."""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from itertools import count, groupby
from pathlib import Path

import pytest

pytest.importorskip("paho", reason="needs the extra mqtt")
from command_helpers import edge_all
from mqtt_broker import Listener, Mosquitto, needs_mosquitto
from service_helpers import ENDLESS, RunningService, query, service, wait_until

from edge.errors import BrokerAway
from edge.fleet.broker import broker_at
from edge.fleet.connection import Connection

pytestmark = needs_mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path / "broker")
    yield running
    running.stop()


def begin_smears(running: RunningService, database: Path, names: Iterator[int], many: int) -> None:
    """Let so many smears begin, with cells in each, by a key that names them."""
    for name in [f"Ada Lovelace {next(names)}" for _ in range(many)]:
        assert running.process.stdin
        print(name, file=running.process.stdin, flush=True)
        begun = partial(query, database, "SELECT 1 FROM smears WHERE name = ?", [name])
        wait_until(lambda begun=begun: bool(begun()), running)  # type: ignore[misc]
        running.wait_for_rows(2)


def delivered(database: Path) -> int:
    return len(query(database, "SELECT * FROM deliveries"))


def check_all_is_there_once(listener: Listener, database: Path) -> None:
    """What the broker was told is what the database has of smears that are over."""
    over = query(database, "SELECT id, cells FROM smears WHERE finished IS NOT NULL ORDER BY id")
    told = sorted((each["sequence"], each["cells"]) for each in listener.smears.values())
    assert told == over
    for each in listener.smears.values():
        histogram = each["people"]["counts"]["probability"]["counts"]
        assert sum(histogram) == each["cells"]  # also of cells from before a kill


def test_a_broker_that_goes_away_and_a_service_that_is_killed_lose_and_double_nothing(
    tmp_path: Path, broker: Mosquitto
) -> None:
    database, names = tmp_path / "r.db", count()
    listener = Listener(broker.port, "lab/seven")
    options = "--key", "--mqtt", f"mqtt://localhost:{broker.port}/lab/seven", "--instrument", "m1"
    with service(ENDLESS, database, *options) as first:
        first.wait_for_rows(2)
        begin_smears(first, database, names, 2)
        wait_until(lambda: len(listener.smears) == 2, first)
        broker.stop()
        begin_smears(first, database, names, 1)  # nobody waits for the broker
        wait_until(lambda: any("smears wait in" in line for line in first.said), first)
        first.process.kill()
        first.process.wait()
    broker.start()
    with service(ENDLESS, database, *options) as second:
        second.wait_for_rows(2)
        begin_smears(second, database, names, 1)
        wait_until(lambda: delivered(database) == 4, second)
        assert second.end() == 0  # with the smear that goes on, which is over then
    wait_until(lambda: listener.states[-1] == "offline")
    listener.close()
    # a broker tells retained states again to whoever comes back
    assert [state for state, _ in groupby(listener.states)] == ["online", "offline"] * 2
    check_all_is_there_once(listener, database)
    assert not any(b"Ada" in message or b"sim:" in message for _, message in listener.messages)
    files = [tmp_path / f"{each['sequence']}.json" for each in listener.smears.values()]
    for path, told in zip(files, listener.smears.values(), strict=True):
        path.write_text(json.dumps(told))
    merged = edge_all("drift", "merge", *files, "--out", tmp_path / "all.json")
    cells = sum(each["cells"] for each in listener.smears.values())
    assert f"{cells} cells of 5 people" in merged.stdout


@pytest.mark.slow
def test_the_broker_says_offline_of_a_killed_service(tmp_path: Path, broker: Mosquitto) -> None:
    listener = Listener(broker.port, "lab")
    with service(
        ENDLESS, tmp_path / "r.db", "--mqtt", f"mqtt://127.0.0.1:{broker.port}/lab"
    ) as running:
        wait_until(lambda: listener.states == ["online"], running)
        running.process.kill()
        wait_until(lambda: listener.states == ["online", "offline"])
    listener.close()


@pytest.mark.slow
def test_a_minute_of_restarts_of_both_loses_and_doubles_nothing(
    tmp_path: Path, broker: Mosquitto
) -> None:
    database, names, until = tmp_path / "r.db", count(), time.monotonic() + 60
    listener = Listener(broker.port, "lab")
    options = "--key", "--mqtt", f"mqtt://localhost:{broker.port}/lab", "--instrument", "m1"
    kills = 0
    while time.monotonic() < until:
        with service(ENDLESS, database, *options) as running:
            running.wait_for_rows(2)
            begin_smears(running, database, names, 3)
            broker.stop()
            begin_smears(running, database, names, 1)
            if kills % 2:  # killed before the broker is back, and just after it
                running.process.kill()
            broker.start()
            if not kills % 2:
                running.wait_for_rows(1)
            running.process.kill()
            kills += 1
    with service(ENDLESS, database, *options) as last:
        last.wait_for_rows(2)
        assert last.end() == 0
    wait_until(lambda: delivered(database) == len(listener.smears))
    listener.close()
    check_all_is_there_once(listener, database)
    assert kills >= 4


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Mosquitto, Path]]:
    """A broker with TLS and a password, and the folder of its authority's certificate."""
    folder = tmp_path_factory.mktemp("guarded")
    subject = "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"
    key = "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"
    made = "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"
    openssl, passwords = shutil.which("openssl"), shutil.which("mosquitto_passwd")
    if openssl is None or passwords is None:
        pytest.skip("no openssl or no mosquitto_passwd here")
    subprocess.run([openssl, "req", "-x509", *key, *subject, *made], check=True, timeout=60)
    given = [passwords, "-b", "-c", folder / "passwords", "ada", "secret"]
    subprocess.run(given, check=True, timeout=60)
    settings = (
        f"certfile {folder / 'certificate.pem'}",
        f"keyfile {folder / 'key.pem'}",
        f"password_file {folder / 'passwords'}",
    )
    running = Mosquitto(folder / "broker", *settings, is_open=False)
    yield running, folder
    running.stop()


@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")
@pytest.mark.parametrize(
    ("address", "password", "authority", "says"),
    [
        ("mqtts://localhost", "secret", True, ""),
        ("mqtts://localhost", "wrong", True, "Not authorized"),
        ("mqtts://localhost", "secret", False, "CERTIFICATE_VERIFY_FAILED"),
        ("mqtts://127.0.0.1", "secret", True, "IP address mismatch"),
    ],
    ids=["right", "wrong password", "unknown authority", "another name"],
)
def test_a_connection_is_encrypted_to_the_right_broker_or_there_is_none(
    guarded: tuple[Mosquitto, Path],
    tmp_path: Path,
    address: str,
    password: str,
    authority: bool,
    says: str,
) -> None:
    running, folder = guarded
    login = tmp_path / "login"
    login.write_text(f"ada\n{password}\n")
    login.chmod(0o600)
    authorities = folder / "certificate.pem" if authority else None
    broker = broker_at(f"{address}:{running.port}/lab", login, authorities)
    assert password not in repr(broker)
    if not says:
        with Connection(broker, "m1") as connection:
            connection.send_smear("1-1", "{}")
    else:
        with pytest.raises(BrokerAway, match=says):
            Connection(broker, "m1")
        gc.collect()  # paho leaves the socket of a failed handshake to that


def test_a_message_that_the_broker_refuses_is_not_taken_for_delivered(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text("topic write lab/+/state\n")
    running = Mosquitto(tmp_path / "broker", f"acl_file {rules}")
    try:
        broker = broker_at(f"mqtt://localhost:{running.port}/lab")
        with (
            pytest.raises(BrokerAway, match="does not take lab/m1/smears/1-1: Not authorized"),
            Connection(broker, "m1") as connection,
        ):
            connection.send_smear("1-1", "{}")
    finally:
        running.stop()
