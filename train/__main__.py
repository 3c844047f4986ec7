"""``edge-all-train``, also ``python -m train``."""

from edge.command import one_sentence
from edge.extras import need


@one_sentence
def main() -> None:
    """Run the command line, or say what to install for it."""
    need("train", "typer")
    from train.cli import app

    app()


if __name__ == "__main__":
    main()
