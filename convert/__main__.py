"""``edge-all-convert``, also ``python -m convert``."""

from edge.command import one_sentence
from edge.extras import need


@one_sentence
def main() -> None:
    """Run the command line, or say what to install for it."""
    need("convert", "typer")
    from convert.cli import app

    app()


if __name__ == "__main__":
    main()
