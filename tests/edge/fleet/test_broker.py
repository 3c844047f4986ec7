"""Addresses of brokers, and where their passwords come from."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_helpers import edge_all
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import BrokerRefused
from edge.fleet.broker import PASSWORD, USER, Broker, broker_at, instrument_name

_LOGIN = {USER: "ada", PASSWORD: "secret"}


@pytest.mark.parametrize(
    ("address", "broker"),
    [
        ("mqtt://lab", Broker("lab", 1883, "edge-all")),
        ("mqtts://lab.example/a/b/", Broker("lab.example", 8883, "a/b", True)),
        ("MQTT://127.0.0.1:7/x", Broker("127.0.0.1", 7, "x")),
        ("mqtts://[::1]:7/x", Broker("::1", 7, "x", True)),
    ],
    ids=["shortest", "tls", "port", "IPv6"],
)
def test_an_address_says_where_a_broker_is(address: str, broker: Broker) -> None:
    assert broker_at(address, environment={}) == broker
    assert broker_at(broker.name, environment={}) == broker


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("lab", "no address of a broker"),
        ("http://lab/x", "no address of a broker"),
        ("mqtt:///x", "no address of a broker"),
        ("mqtt://lab:port/x", "is no address"),
        ("mqtt://lab/x?y=1", "no address of a broker"),
        ("mqtt://lab/#", "no address of a broker"),
        ("mqtt://lab/+/x", "topics begin with"),
        ("mqtts://ada:hunter2@lab/x", "every user of this machine could read"),
    ],
    ids=["word", "http", "no host", "port", "query", "wildcard", "plus", "password"],
)
def test_what_is_no_address_is_refused_without_its_password(address: str, says: str) -> None:
    with pytest.raises(BrokerRefused, match=says) as refused:
        broker_at(address, environment={})
    assert "hunter2" not in str(refused.value)


def test_a_password_goes_to_other_machines_encrypted_alone() -> None:
    with pytest.raises(BrokerRefused, match="for all to read; use mqtts"):
        broker_at("mqtt://lab/x", environment=_LOGIN)
    assert broker_at("mqtt://localhost/x", environment=_LOGIN).password == "secret"
    assert broker_at("mqtts://lab/x", environment=_LOGIN).user == "ada"


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("ada\nsecret\n", 0o644, "may be read by others"),
        ("ada\n", 0o600, "two lines"),
        ("ada\n\n", 0o600, "two lines"),
    ],
    ids=["open to all", "one line", "empty"],
)
def test_a_login_that_others_read_or_that_is_none_is_refused(
    tmp_path: Path, text: str, mode: int, says: str
) -> None:
    login = tmp_path / "login"
    login.write_text(text)
    login.chmod(mode)
    done = edge_all(
        "run", "sim:", "--out", tmp_path / "r.db", "--mqtt", "mqtts://lab/x", "--mqtt-login", login
    )
    assert done.exit_code == 2
    assert says in done.stderr
    assert not (tmp_path / "r.db").exists()


@settings(max_examples=50)
@given(st.text("aZ9._-/+#$ \0é\n", max_size=65))
def test_the_name_of_an_instrument_is_one_part_of_a_topic(text: str) -> None:
    try:
        name = instrument_name(text)
    except BrokerRefused:
        return
    assert name == text
    assert 0 < len(name) <= 60
    assert not set(name) & set("/+#$ \0")
