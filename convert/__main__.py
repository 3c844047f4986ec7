"""``edge-all-convert``, also ``python -m convert``."""

from edge.cli.command import one_sentence
from edge.cli.extras import need


@one_sentence
def main() -> None:
    """Run the command line, or say what to install for it."""
    need("convert", "typer")
    from convert.cli.main import app

    app()


if __name__ == "__main__":
    main()
