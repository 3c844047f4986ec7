"""Signatures of model files: nothing is added or activated that nobody signed who is trusted."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from command_helpers import edge_all
from edge_helpers import write_changed_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import ModelFileRefused, NoInputs, OutputFailed
from edge.models.model_file import SHIPPED_MODEL, read_model_file
from edge.models.signatures import Signature, make_keys, read_signature, sign, signature_beside
from edge.models.store import ModelStore

pytest.importorskip("cryptography", reason="needs the extra signatures")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of two pairs of keys."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("old", "new"):
        make_keys(folder / name)
    return folder


@pytest.fixture
def store(tmp_path: Path, keys: Path) -> ModelStore:
    """A store that trusts the older of the two."""
    store = ModelStore(tmp_path / "store")
    store.keys.trust(keys / "old.pub")
    return store


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "cnn.tflite"
    path.write_bytes(SHIPPED_MODEL.read_bytes())
    return path


def write_signature(model: Path, private: Path, release: int = 1) -> Signature:
    signature = sign(read_model_file(model).sha256, release, private)
    signature_beside(model).write_bytes(signature.to_bytes())
    return signature


def test_a_model_file_needs_the_signature_of_a_trusted_key(
    store: ModelStore, keys: Path, model: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelFileRefused, match="is not signed") as caught:
        store.add(model)
    assert caught.value.reason == "signature"
    write_signature(model, keys / "new")
    with pytest.raises(ModelFileRefused, match="which is not trusted here"):
        store.add(model)
    other = write_changed_model(tmp_path / "other.tflite", network="other")
    write_signature(other, keys / "old")
    signature_beside(model).write_bytes(signature_beside(other).read_bytes())
    with pytest.raises(ModelFileRefused, match="signature of another model file"):
        store.add(model)
    assert store.hashes() == []
    write_signature(model, keys / "old")
    sha256 = store.add(model).sha256
    assert store.activate(sha256).active == sha256


def test_two_keys_are_valid_at_once_and_one_that_is_revoked_is_not(
    store: ModelStore, keys: Path, model: Path
) -> None:
    write_signature(model, keys / "old")
    sha256 = store.add(model).sha256
    new = store.keys.trust(keys / "new.pub")
    assert len(store.keys.trusted()) == 2
    store.activate(sha256)
    old = next(key for key in store.keys.trusted() if key != new.id)
    assert store.keys.revoke(old[:8]) == old
    for do in (store.add, lambda _: store.activate(sha256)):
        with pytest.raises(ModelFileRefused, match="was revoked"):
            do(model)
    with pytest.raises(NoInputs, match="stays so"):
        store.keys.trust(keys / "old.pub")
    write_signature(model, keys / "new", release=2)
    store.add(model)  # signed again
    assert store.activate(sha256).active == sha256
    store.keys.revoke(new.id)
    assert store.keys.trusted() == []
    with pytest.raises(ModelFileRefused, match="was revoked"):  # no key left: nothing is believed
        store.add(model)
    with pytest.raises(NoInputs, match="no key"):
        store.keys.revoke(new.id)


def test_an_older_release_is_activated_only_where_that_is_asked_for(
    store: ModelStore, keys: Path, model: Path, tmp_path: Path
) -> None:
    other = write_changed_model(tmp_path / "other.tflite", network="other")
    write_signature(model, keys / "old", release=4)
    write_signature(other, keys / "old", release=5)
    first, second = store.add(model).sha256, store.add(other).sha256
    store.activate(first)
    store.activate(second)
    with pytest.raises(ModelFileRefused, match="release 4, and release 5 is active") as caught:
        store.activate(first)
    assert caught.value.reason == "downgrade"
    assert store.roll_back().active == first  # a way back is always there
    assert store.activate(second).active == second
    assert store.activate(first, may_be_older=True).active == first


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_signature_with_any_bit_flipped_is_refused(
    store: ModelStore, keys: Path, place: int, bit: int
) -> None:
    sha256 = "ab" * 32
    path = keys / f"some{signature_beside(Path('x')).suffix}"
    data = bytearray(sign(sha256, 7, keys / "old").to_bytes())
    path.write_bytes(data)
    store.keys.check(path, sha256, read_signature(path))
    data[place % len(data)] ^= 1 << bit
    path.write_bytes(data)
    with pytest.raises(ModelFileRefused):
        store.keys.check(path, sha256, read_signature(path))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_signed_model_file_with_any_bit_flipped_is_refused(
    store: ModelStore, keys: Path, model: Path, place: int, bit: int
) -> None:
    model.write_bytes(SHIPPED_MODEL.read_bytes())
    write_signature(model, keys / "old")
    data = bytearray(model.read_bytes())
    data[place % len(data)] ^= 1 << bit
    model.write_bytes(data)
    with pytest.raises(ModelFileRefused):
        store.add(model)


def test_a_private_key_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    make_keys(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(OutputFailed, match="never overwritten"):
        make_keys(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputFailed):
        make_keys(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


def test_other_kinds_of_keys_are_refused_in_a_sentence(
    store: ModelStore, keys: Path, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    with pytest.raises(NoInputs, match="is no public key"):
        store.keys.trust(keys / "old")  # a private key is none to give to a device
    with pytest.raises(NoInputs, match="is no private key"):
        sign("ab" * 32, 1, keys / "old.pub")
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "p384").write_bytes(other.public_bytes(serialization.Encoding.PEM, form))
    with pytest.raises(NoInputs, match="none of the curve P-256"):
        store.keys.trust(tmp_path / "p384")
    with pytest.raises(NoInputs, match="cannot be read"):
        store.keys.trust(tmp_path / "none")


def test_the_command_line_signs_and_trusts(tmp_path: Path, model: Path) -> None:
    options = ("--store", tmp_path / "store")
    key = tmp_path / "key"
    assert edge_all("models", "keygen", key).exit_code == 0
    assert edge_all("models", "sign", model, "--key", key).exit_code == 2
    done = edge_all("models", "sign", model, "--key", key, "--release", 3)
    assert done.stdout.startswith("signed release 3")
    assert edge_all("models", "trust", f"{key}.pub", *options).exit_code == 0
    assert edge_all("models", "add", SHIPPED_MODEL, *options).exit_code == 4
    assert edge_all("models", "add", model, *options).exit_code == 0
    sha256 = read_model_file(model).sha256
    assert edge_all("models", "activate", sha256, *options).exit_code == 0
    assert edge_all("models", "verify", *options).exit_code == 0
    shown = edge_all("models", "list", *options).stdout
    trusted = next(line for line in shown.splitlines() if line.startswith("trusted"))
    assert edge_all("models", "revoke", trusted.split()[1], *options).exit_code == 0
    done = edge_all("models", "verify", *options)
    assert done.exit_code == 4
    assert "refused (signature)" in done.stderr
    assert edge_all("models", "list", "--key", key, *options).exit_code == 2


def test_without_the_extra_the_command_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['cryptography'] = None;"
        "from edge.cli.main import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", code, "models", "keygen", str(tmp_path / "key")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'edge-all[signatures]'" in done.stderr
    assert not (tmp_path / "key").exists()
