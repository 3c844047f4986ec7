"""Signatures of model files: ECDSA on the curve P-256, in a file beside the model file.

What is signed is the sha256 of the whole model file and the number of its release, so that neither
can be exchanged. The signature lies beside the model file as ``NAME.tflite.sig``, a JSON of one
form: a byte that is not as edge-all writes it is refused, as is one byte of the model file. Keys
are PEM files (PKCS 8; SubjectPublicKeyInfo), as openssl reads them. No network is asked.

``cryptography`` is asked for here alone, and only where keys are used (extra ``signatures``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import ExtraMissing, ModelFileRefused, NoInputs, OutputFailed
from edge.records.checks import exactly, record, string, whole
from edge.records.json_text import parse_json
from edge.wording import named

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

SUFFIX = ".sig"
"""Behind the name of a model file: its signature."""

SCHEMA = 1
"""Version of the schema of a signature, and of what is signed."""

MOST_RELEASE = 10**9

_MOST_BYTES = 4096  # of a signature or a key; they have some hundred
_PRIVATE = 0o600
_HEX = frozenset("0123456789abcdef")
_HASH = string(64, lambda text: len(text) == 64 and set(text) <= _HEX, "a sha256")
_check = record(
    {
        "schema": exactly(SCHEMA),
        "sha256": _HASH,
        "release": whole(1, MOST_RELEASE),
        "key": _HASH,
        "signature": string(200),
    }
)


@dataclass(frozen=True)
class Signature:
    """Who says that a model file is a release.

    Attributes
    ----------
    sha256 : str
        Of the model file.
    release : int
        Its number: later ones are larger.
    key : str
        sha256 of the public key, in its DER form.
    signature : str
        Of :attr:`message`, in base64.
    """

    sha256: str
    release: int
    key: str
    signature: str

    @property
    def message(self) -> bytes:
        """What is signed."""
        return f"edge-all model file, schema {SCHEMA}\n{self.sha256}\n{self.release}\n".encode()

    def to_bytes(self) -> bytes:
        """Bytes of the file."""
        fields = {"schema": SCHEMA, **asdict(self)}
        return (json.dumps(fields, indent=1, sort_keys=True) + "\n").encode()


@dataclass(frozen=True)
class PublicKey:
    """A key that signatures are verified with.

    Attributes
    ----------
    id : str
        sha256 of its DER form.
    pem : bytes
    """

    id: str
    pem: bytes


def signature_beside(path: Path) -> Path:
    """Where the signature of a model file lies."""
    return path.with_name(path.name + SUFFIX)


def read_signature(path: Path) -> Signature | None:
    """Read a signature; None where there is no such file. Whose it is is not looked at.

    Raises
    ------
    ModelFileRefused
        ``signature``, if it is not as edge-all writes one.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from error
    try:
        fields = parse_json(data)
        _check("", fields)
    except ValueError as error:
        raise _refused(path, f"is no signature: {error}") from error
    found = Signature(**{name: value for name, value in fields.items() if name != "schema"})
    if found.to_bytes() != data:
        raise _refused(path, "is not as edge-all writes a signature")
    return found


def make_keys(path: Path) -> PublicKey:
    """Write a new private key, for its owner alone, and its public one beside it as ``NAME.pub``.

    Raises
    ------
    OutputFailed
        If one of them is there already, or cannot be written.
    ExtraMissing
    """
    _need_library()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = _public_key_of(private.public_key())
    _write_new(path, pem, _PRIVATE)
    _write_new(path.with_name(path.name + ".pub"), public.pem, 0o644)
    return public


def read_public_key(path: Path) -> PublicKey:
    """Read a public key.

    Raises
    ------
    NoInputs
        If it is none of the curve P-256; a private key is none to give to a device.
    ExtraMissing
    """
    _need_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    data = _read_key(path)
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NoInputs(
            f"{named(path)} is no public key: name the .pub that edge-all models keygen wrote"
        ) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _other_curve(path)
    return _public_key_of(key)


def sign(sha256: str, release: int, private: Path) -> Signature:
    """Sign a model file by its hash.

    Parameters
    ----------
    sha256 : str
    release : int
    private : Path
        A private key.

    Raises
    ------
    NoInputs
        If that is no private key of the curve P-256, or is locked by a password.
    ExtraMissing
    """
    _need_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    data = _read_key(private)
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoInputs(
            f"{named(private)} is no private key without a password: name what edge-all models"
            " keygen wrote"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _other_curve(private)
    unsigned = Signature(sha256, release, _public_key_of(key.public_key()).id, "")
    made = key.sign(unsigned.message, ec.ECDSA(hashes.SHA256()))
    return Signature(sha256, release, unsigned.key, base64.b64encode(made).decode())


def is_signed_by(signature: Signature, key: PublicKey) -> bool:
    """Whether a signature is right, and of that key.

    Raises
    ------
    ExtraMissing
    """
    _need_library()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    public = serialization.load_pem_public_key(key.pem)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    try:
        made = base64.b64decode(signature.signature, validate=True)
        public.verify(made, signature.message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    is_plain = base64.b64encode(made).decode() == signature.signature  # has bits that say nothing
    return is_plain and signature.key == key.id


def _public_key_of(key: EllipticCurvePublicKey) -> PublicKey:
    from cryptography.hazmat.primitives import serialization

    form = serialization.PublicFormat.SubjectPublicKeyInfo
    der = key.public_bytes(serialization.Encoding.DER, form)
    pem = key.public_bytes(serialization.Encoding.PEM, form)
    return PublicKey(hashlib.sha256(der).hexdigest(), pem)


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise NoInputs(f"{named(path)} cannot be read: {error.strerror}; name a key") from error


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that is not there yet, with nobody reading along while it is written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except FileExistsError as error:
        raise OutputFailed(f"{named(path)} is there already: keys are never overwritten") from error
    except OSError as error:
        raise OutputFailed(f"cannot write {named(path)}: {error.strerror}") from error


def _need_library() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise ExtraMissing(
            "cryptography not installed, which signatures take; install it with: pip install"
            " 'edge-all[signatures]'"
        ) from error


def _other_curve(path: Path) -> NoInputs:
    return NoInputs(f"{named(path)} is a key, but none of the curve P-256; use one that is")


def _refused(path: Path, why: str) -> ModelFileRefused:
    return ModelFileRefused("signature", f"{named(path)} {why}; fetch model file and .sig again")
