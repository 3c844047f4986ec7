"""``edge-all serve``: a run in the browser as it goes, and reviews."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.cli.command import one_sentence, say
from edge.cli.extras import need
from edge.cli.options import at_least


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("database", type=Path, metavar="DB", help="results, of --out results.db")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to serve; by default only this machine reaches it",
    )
    parser.add_argument(
        "--port",
        type=at_least(0, int, 65535),
        default=8765,
        metavar="N",
        help="8765 by default; 0 for any that is free",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="asks for the token in this file, made if it is not there; needed where others reach"
        " the server",
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="HOST",
        help="another name by which the server is asked for; may be repeated",
    )
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="PEM certificate: serves over TLS"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="PEM key of the certificate")
    parser.add_argument(
        "--audit",
        type=at_least(0, float, 1),
        default=0.02,
        metavar="SHARE",
        help="share of the cells of new runs drawn at random for review; 0.02 by default",
    )
    parser.add_argument(
        "--controls",
        type=Path,
        metavar="FOLDER",
        help="control cells, FOLDER/LABEL/image: nobody is told which of those shown they are",
    )
    parser.add_argument(
        "--control-share",
        type=at_least(0, float, 1),
        default=0.05,
        metavar="SHARE",
        help="share of control cells among those shown; 0.05 by default",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="people of edge-all drift learn: /metrics compares smears with them, and with"
        " --history the page says whether smears have drifted",
    )
    parser.add_argument(
        "--history", type=Path, metavar="FILE", help="smears so far, of edge-all drift smears"
    )
    parser.add_argument(
        "--control", type=Path, metavar="FILE", help="chart of edge-all control, to be judged"
    )
    parser.epilog = (
        "Pages load nothing from elsewhere. Reviews are rows of the database that are only added;"
        " edge-all export makes labelled crops of them. Ends with Ctrl-C."
    )


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Serve until it is asked to end."""
    need("serve", "starlette", "uvicorn")
    from edge.reviews.controls import add_controls
    from edge.reviews.database import ReviewDatabase
    from edge.sinks.local_disk import check_database
    from edge.web.desk import Settings
    from edge.web.server import Place, Server
    from edge.web.state import Watched

    if options.database.exists():  # reviews are written into it
        check_database(options.database)
    database = ReviewDatabase(options.database)
    if options.controls is not None:
        say(f"{add_controls(database, options.controls)} control cells")
    place = Place(
        options.host,
        options.port,
        tuple(options.name),
        options.token_file,
        options.certificate,
        options.key,
    )
    watched = Watched(options.reference, options.history, options.control)
    server = Server(database, Settings(options.audit, options.control_share), place, watched)
    print(f"serving {options.database} at {server.address}", flush=True)
    if options.token_file is not None:
        say(f"the token stands in {options.token_file}")
    say("Research software: this is not a diagnosis. Ctrl-C ends it.")
    server.run()
