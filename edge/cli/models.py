"""``edge-all models``: the model files of a device, of which one is active."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.command import one_sentence
from edge.cli.options import at_least

if TYPE_CHECKING:
    from edge.models.model_file import ModelFile
    from edge.models.store import Active, ModelStore

_SHOWN = 12  # characters of a hash
_NAMES = ("list", "add", "activate", "rollback", "verify")


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "what", choices=_NAMES, help="list, add FILE, activate HASH, rollback, verify"
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help="a file to add, or a hash")
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
    parser.epilog = (
        "The active model is used by --model @active. A model is activated only if it loads and"
        " its golden vectors come out right on this machine; what was active before can be gone"
        " back to. Killed at any moment, the old one is active or the new one, whole."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Do it, and print what is so now."""
    from edge.errors import NoInputs
    from edge.models.store import ModelStore

    if (options.what in ("add", "activate")) != (options.model is not None):
        needs = "a file" if options.what == "add" else "a hash"
        takes = needs if options.what in ("add", "activate") else "nothing behind it"
        raise NoInputs(f"edge-all models {options.what} takes {takes}")
    if options.probation and options.what != "activate":
        raise NoInputs("--probation belongs to edge-all models activate")
    if options.what == "activate":
        _activate(ModelStore(options.store), options.model, options.probation or 0)
    else:
        _ACTIONS[options.what](ModelStore(options.store), options.model)


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


def _add(store: ModelStore, name: str | None) -> None:
    print(f"added {_words(store.add(Path(name or '')))}")


def _activate(store: ModelStore, name: str, probation: int) -> None:
    from edge.models.model_file import find_twin

    model = store.read(store.find(name))
    _check(model)
    if probation:
        find_twin(model)  # refuses one that nothing can be compared with
    active = store.activate(model.sha256, probation)
    print(f"active {_words(model)}{_standing(active)}")


def _roll_back(store: ModelStore, _: str | None) -> None:
    print(f"active {_words(store.read(store.roll_back().active))}")


def _verify(store: ModelStore, _: str | None) -> None:
    active = store.active()
    for sha256 in store.hashes():
        _check(store.read(sha256))
        print(f"well {_words(store.read(sha256))}")
    if active is not None:
        store.read(active.active)
    print(f"active {active.active[:_SHOWN] if active else 'none'}")


_ACTIONS: dict[str, Callable[[ModelStore, str | None], None]] = {
    "list": _list,
    "add": _add,
    "rollback": _roll_back,
    "verify": _verify,
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
