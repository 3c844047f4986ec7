"""``edge-all-train``, also ``python -m train``."""

from edge.cli.command import one_sentence
from edge.cli.extras import need


@one_sentence
def main() -> None:
    """Run the command line, or say what to install for it."""
    need("train", "typer")
    from train.cli.main import app

    app()


if __name__ == "__main__":
    main()
