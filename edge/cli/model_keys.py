"""``edge-all models keygen|sign|trust|revoke``: keys, and signatures of model files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.models.store import ModelStore

SHOWN = 12
"""Characters of an id that are shown."""


def make_keys(path: Path) -> None:
    """Write a private key, and its public one beside it."""
    from edge.models.signatures import make_keys

    public = make_keys(path)
    print(f"key {public.id[:SHOWN]}: {path} is secret, {path}.pub is for devices to trust")


def sign_model(path: Path, private: Path, release: int) -> None:
    """Sign a model file that is whole; an earlier signature beside it is replaced."""
    from edge.models.model_file import read_model_file
    from edge.models.signatures import sign, signature_beside
    from edge.whole_file import save_bytes

    signature = sign(read_model_file(path).sha256, release, private)
    beside = signature_beside(path)
    save_bytes(beside, signature.to_bytes())
    print(f"signed release {release} with {signature.key[:SHOWN]}: {beside}")


def trust_key(store: ModelStore, path: Path) -> None:
    """Believe a public key."""
    print(f"trusted {store.keys.trust(path).id[:SHOWN]}")


def revoke_key(store: ModelStore, name: str) -> None:
    """Believe a key no more."""
    print(f"revoked {store.keys.revoke(name)[:SHOWN]}")


def list_keys(store: ModelStore) -> None:
    """Print which keys are trusted, and which no more."""
    for key in store.keys.trusted():
        print(f"trusted   {key[:SHOWN]}")
    for key in store.keys.revoked():
        print(f"revoked   {key[:SHOWN]}")
