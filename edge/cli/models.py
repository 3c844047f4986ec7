"""``edge-all models``: the model files of a device, of which one is active."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.command import one_sentence
from edge.cli.model_keys import list_keys, make_keys, revoke_key, sign_model, trust_key
from edge.cli.options import at_least
from edge.errors import NoInputs

if TYPE_CHECKING:
    from edge.models.model_file import ModelFile
    from edge.models.store import Active, ModelStore

_SHOWN = 12  # characters of a hash
_NEEDS = {  # what -> the argument that it takes
    "list": "",
    "add": "a file",
    "activate": "a hash",
    "rollback": "",
    "verify": "",
    "keygen": "a file",
    "sign": "a file",
    "trust": "a file",
    "revoke": "the id of a key",
}
_OPTIONS = {  # option -> what it belongs to
    "probation": "activate",
    "allow_downgrade": "activate",
    "key": "sign",
    "release": "sign",
}


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "what",
        choices=tuple(_NEEDS),
        help="list, add FILE, activate HASH, rollback, verify; of signatures, keygen FILE,"
        " sign FILE --key FILE --release N, trust FILE, revoke ID",
    )
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="a file, a hash, or the id of a key"
    )
    parser.add_argument(
        "--store",
        type=Path,
        metavar="FOLDER",
        help="folder of the models; $EDGE_ALL_MODELS, or edge-all/models among this user's data,"
        " by default",
    )
    parser.add_argument(
        "--probation",
        type=at_least(1, int, 10**9),
        metavar="N",
        help="with activate: gone back from unless classify --model @active shows N cells to its"
        " float twin, too, without a crash and without too many flips",
    )
    parser.add_argument(
        "--allow-downgrade",
        action="store_true",
        help="with activate: of signed models, also a release before the active one",
    )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="with sign: a private key, as keygen writes it"
    )
    parser.add_argument(
        "--release",
        type=at_least(1, int, 10**9),
        metavar="N",
        help="with sign: number of the release, larger than those before",
    )
    parser.epilog = (
        "The active model is used by --model @active. A model is activated only if it loads and"
        " its golden vectors come out right on this machine; what was active before can be gone"
        " back to. Killed at any moment, the old one is active or the new one, whole. Once a key is"
        " trusted, a model file needs its signature beside it, FILE.sig; several keys may be"
        " trusted at once."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Do it, and print what is so now."""
    from edge.models.store import ModelStore

    what, needs = options.what, _NEEDS[options.what]
    if bool(needs) != (options.model is not None):
        raise NoInputs(f"edge-all models {what} takes {needs or 'nothing behind it'}")
    for name, of in _OPTIONS.items():
        if getattr(options, name) and what != of:
            raise NoInputs(f"--{name.replace('_', '-')} belongs to edge-all models {of}")
    _do(what, ModelStore(options.store), options)


def _do(what: str, store: ModelStore, options: argparse.Namespace) -> None:
    if what == "activate":
        _activate(store, options.model, options.probation or 0, options.allow_downgrade)
    elif what == "keygen":
        make_keys(Path(options.model))
    elif what == "sign":
        if options.key is None or options.release is None:
            raise NoInputs("edge-all models sign takes --key and --release")
        sign_model(Path(options.model), options.key, options.release)
    else:
        _ACTIONS[what](store, options.model)


def _list(store: ModelStore, _: str | None) -> None:
    active = store.active()
    for sha256 in store.hashes():
        mark = "active" if active and sha256 == active.active else ""
        if active and sha256 == active.previous:
            mark = "previous"
        standing = _standing(active) if active and mark == "active" else ""
        print(f"{mark:<9} {_words(store.read(sha256))}{standing}")
    if not store.hashes():
        print(f"no model in {store.folder}")
    list_keys(store)


def _add(store: ModelStore, name: str | None) -> None:
    print(f"added {_words(store.add(Path(name or '')))}")


def _activate(store: ModelStore, name: str, probation: int, may_be_older: bool) -> None:
    from edge.models.model_file import find_twin

    model = store.read(store.find(name))
    store.signature_of(model.sha256)  # before anything of it runs
    _check(model)
    if probation:
        find_twin(model)  # refuses one that nothing can be compared with
    active = store.activate(model.sha256, probation, may_be_older)
    print(f"active {_words(model)}{_standing(active)}")


def _roll_back(store: ModelStore, _: str | None) -> None:
    print(f"active {_words(store.read(store.roll_back().active))}")


def _verify(store: ModelStore, _: str | None) -> None:
    active = store.active()
    for sha256 in store.hashes():
        _check(store.read(sha256))
        store.signature_of(sha256)
        print(f"well {_words(store.read(sha256))}")
    if active is not None:
        store.read(active.active)
    print(f"active {active.active[:_SHOWN] if active else 'none'}")


_ACTIONS: dict[str, Callable[[ModelStore, str | None], None]] = {
    "list": _list,
    "add": _add,
    "rollback": _roll_back,
    "verify": _verify,
    "trust": lambda store, name: trust_key(store, Path(name or "")),
    "revoke": lambda store, name: revoke_key(store, name or ""),
}


def _check(model: ModelFile) -> None:
    """Refuse a model that does not load, or whose golden vectors do not come out right here."""
    from edge.engine.classifier import check_contract, check_golden
    from edge.engine.network import Int8Network
    from edge.engine.runtime import find_runtime

    network = Int8Network(model.flatbuffer, find_runtime())
    check_contract(model, network)
    check_golden(model, network)


def _standing(active: Active) -> str:
    on = active.probation
    return f", on probation: {on.seen} of {on.needed} cells seen" if on else ""


def _words(model: ModelFile) -> str:
    labels = ", ".join(model.metadata.contract.words)
    twin = ", with its twin" if model.has_twin else ""
    return f"{model.sha256[:_SHOWN]}  {model.metadata.network} ({labels}){twin}"
