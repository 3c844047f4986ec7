"""Whose signatures a device believes: public keys beside its models, several at once.

``keys/ID.pub`` are trusted, ``revoked/ID.pub`` never again. Where a key was ever trusted, every
model file needs the signature of one that is trusted now: also where all of them are revoked.
"""

from __future__ import annotations

from pathlib import Path

from edge.errors import ModelFileRefused, NoInputs
from edge.models.signatures import PublicKey, Signature, is_signed_by, read_public_key
from edge.whole_file import save_bytes
from edge.wording import named

_SHORTEST = 6  # characters of an id that name a key
_SHOWN = 12


class TrustedKeys:
    """Keys of a model store.

    Parameters
    ----------
    folder : Path
        Of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._trusted, self._revoked = folder / "keys", folder / "revoked"

    @property
    def are_asked_for(self) -> bool:
        """Whether model files need a signature."""
        return bool(self.trusted() or self.revoked())

    def trusted(self) -> list[str]:
        """Ids of the keys that are believed, sorted; one that is revoked, too, is not."""
        return sorted(set(_ids_in(self._trusted)) - set(self.revoked()))

    def revoked(self) -> list[str]:
        """Ids of the keys that are believed no more, sorted."""
        return _ids_in(self._revoked)

    def trust(self, path: Path) -> PublicKey:
        """Believe a public key from now on, beside those that are believed already.

        Raises
        ------
        NoInputs
            If it is no public key, or was revoked.
        OutputFailed, ExtraMissing
        """
        key = read_public_key(path)
        if key.id in self.revoked():
            raise NoInputs(f"{named(path)} was revoked here, and stays so; make a new key")
        save_bytes(self._trusted / f"{key.id}.pub", key.pem)
        return key

    def revoke(self, name: str) -> str:
        """Believe a key no more, whose id begins so.

        Returns
        -------
        str
            Its id.

        Raises
        ------
        NoInputs
            If no or several keys are trusted whose ids begin so.
        OutputFailed
        """
        found = [key for key in self.trusted() if key.startswith(name.lower())]
        if len(name) < _SHORTEST or len(found) != 1:
            raise NoInputs(
                f"{'no key' if not found else f'{len(found)} keys'} can be meant by {name!r}; give"
                f" the id that edge-all models list shows, {_SHORTEST} characters or more of it"
            )
        pem = (self._trusted / f"{found[0]}.pub").read_bytes()
        save_bytes(self._revoked / f"{found[0]}.pub", pem)  # first: never neither
        (self._trusted / f"{found[0]}.pub").unlink(missing_ok=True)
        return found[0]

    def check(self, path: Path, sha256: str, signature: Signature | None) -> None:
        """Refuse a model file that nobody signed who is trusted.

        Parameters
        ----------
        path : Path
            For messages.
        sha256 : str
            Of the model file, as its bytes are.
        signature : Signature or None

        Raises
        ------
        ModelFileRefused
            ``signature``
        ExtraMissing
        """
        if not self.are_asked_for:
            return
        why = self._why_not(sha256, signature)
        if why:
            raise ModelFileRefused(
                "signature", f"{named(path)} {why}; fetch it and its .sig from whom you trust"
            )

    def _why_not(self, sha256: str, signature: Signature | None) -> str:
        if signature is None:
            return "is not signed, and keys are trusted here"
        if signature.sha256 != sha256:
            return "has the signature of another model file"
        key = f"key {signature.key[:_SHOWN]}"
        if signature.key in self.revoked():
            return f"is signed with {key}, which was revoked"
        if signature.key not in self.trusted():
            return f"is signed with {key}, which is not trusted here"
        trusted = read_public_key(self._trusted / f"{signature.key}.pub")
        return "" if is_signed_by(signature, trusted) else f"has a wrong signature of {key}"


def _ids_in(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.pub") if path.name[0] != ".")
