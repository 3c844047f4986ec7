"""No user, password or token of an address is shown: in results, pages, messages, command lines."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from command_helpers import edge_all
from databases import query
from hypothesis import given
from hypothesis import strategies as st
from sink_helpers import database_rows

from edge.files import file_name
from edge.secrets import without_secrets, without_secrets_in

SECRET = "s3cReT"
ADDRESS = f"http://{SECRET}:{SECRET}@127.0.0.1:9/{{}}x.png?token={SECRET}#{SECRET}"

secrets = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12
).map(lambda text: f"Zq{text}Zq")  # so that it is found in no host or path by chance
encoded = secrets.map(lambda text: quote(text, safe=""))
schemes = st.sampled_from(["http://", "https://", "HTTP://", "rtsp://", "mjpeg+http://", "http:/"])
users = st.one_of(
    st.just(""),
    encoded.map(lambda text: f"{text}@"),
    st.tuples(encoded, encoded).map(lambda pair: f"{pair[0]}:{pair[1]}@"),
    st.tuples(encoded, encoded).map(lambda pair: quote(f"{pair[0]}:{pair[1]}@", safe="")),
    # not encoded: what breaks the address apart comes with a colon, as passwords do
    st.tuples(encoded, st.sampled_from("/?#\\@:"), encoded).map(
        lambda three: f"u:{''.join(three)}@"
    ),
)
hosts = st.sampled_from(["camera", "camera:8080", "10.0.0.7", "[::1]", "[fe80::1]:80"])
paths = st.sampled_from(["", "/", "/a.png", "/a/b.png", "/a%20b.png"])
queries = st.one_of(
    st.just(""),
    encoded.map(lambda text: f"?token={text}"),
    st.tuples(encoded, encoded).map(lambda pair: f"?{pair[0]}={pair[1]}&mail=a@b#{pair[0]}"),
    encoded.map(lambda text: f";session={text}"),
    encoded.map(lambda text: f"#{text}"),
)
addresses = st.tuples(schemes, users, hosts, paths, queries).map("".join)


@given(address=addresses, before=st.sampled_from(["", "--watch=", "@"]))
def test_nothing_secret_is_left_of_an_address_and_shown_once_is_shown_for_good(
    address: str, before: str
) -> None:
    shown = without_secrets(before + address)
    assert "Zq" not in shown
    assert "Zq" not in file_name(before + address)
    assert shown.startswith(f"{before}{address[: address.index(':')].lower()}://")
    assert without_secrets(shown) == shown


@given(address=addresses, after=st.sampled_from(["", ".", "; check it", "' is none", " (in list)"]))
def test_nothing_secret_is_left_of_an_address_within_a_sentence(address: str, after: str) -> None:
    shown = without_secrets_in(f"no such folder as '{address}{after}")
    assert "Zq" not in shown
    assert shown.startswith("no such folder as '")


@given(name=st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])))
def test_a_name_without_an_address_stays_as_it_is(name: str) -> None:
    assert without_secrets(name) == without_secrets_in(name) == name


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://camera/a.png", "http://camera/a.png"),
        ("http://u:p@camera:80/a.png?t=1", "http://camera:80/a.png?..."),
        ("http://u:p/w@camera/a.png", "http://.../camera/a.png"),
        ("http://u:p?w@camera/", "http://..."),
        ("http://proxy/http://u:p@camera/?t", "http://proxy/http://camera/?..."),
        ("C:/cells/a.png", "C:/cells/a.png"),
    ],
)
def test_what_is_not_secret_stays(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


def test_no_output_of_a_run_shows_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f" {ADDRESS.format('b')}\n{ADDRESS.format('c').replace('http', 'rtsp')}\n")
    outputs = [tmp_path / name for name in ("r.csv", "r.jsonl", "r.db")]
    arguments = ["classify", ADDRESS.format("a"), f"@{listed}", "--report", tmp_path / "r.html"]
    for path in outputs:
        arguments += ["--out", path]
    monkeypatch.setattr(sys, "argv", ["edge-all", *map(str, arguments)])
    done = edge_all(*arguments)
    assert done.exit_code == 1
    assert "127.0.0.1:9/ax.png?..." in done.stderr
    texts = [done.output, *(path.read_text() for path in (*outputs[:2], tmp_path / "r.html"))]
    texts += [str(database_rows(outputs[2])), str(query(outputs[2], "SELECT * FROM runs"))]
    assert [SECRET in text for text in texts] == [False] * 6
    assert json.loads(str(query(outputs[2], "SELECT sources FROM runs")[0][0]))[0] == (
        "http://127.0.0.1:9/ax.png?..."
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["crops", "--out", ADDRESS.format("a")],
        ["crops", "--report", ADDRESS.format("a")],
        ["crops", "--out", f"http://u:{SECRET}@h/r.csv"],
        ["crops", "--threads", ADDRESS.format("a")],
        ["crops", f"--no-such={ADDRESS.format('a')}"],
        ["--watch", ADDRESS.format("a")],
        ["crops", "--model", ADDRESS.format("a")],
        [f"ftp://u:{SECRET}@h/a.png"],
    ],
)
def test_no_message_about_an_argument_shows_a_secret(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "crops").mkdir()
    done = edge_all("classify", *arguments)
    assert done.exit_code in (2, 4)
    assert done.stderr
    assert SECRET not in done.output
