"""All that makes an int8 network out of a float twin, to be saved and used again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from convert.quantize.equalisation import Exponents, equalise
from convert.quantize.int8_tflite import SCHEME, to_int8_tflite
from convert.quantize.range_estimators import MINMAX
from convert.quantize.ranges import Ranges
from edge.errors import ConversionFailed
from edge.records.json_text import read_json
from edge.records.typed_json import as_type
from edge.whole_file import save_text


@dataclass(frozen=True)
class Recipe:
    """All that makes an int8 network out of a twin, so that it can be made again without cells.

    Attributes
    ----------
    estimator : str
        Of :data:`convert.quantize.range_estimators.ESTIMATORS`.
    ranges : Ranges
        Of the equalised twin.
    exponents : Exponents
        Empty if the twin is not equalised.
    kept_float : tuple of str
        Layers in float, by their output tensor.
    """

    estimator: str
    ranges: Ranges
    exponents: Exponents = field(default_factory=dict)
    kept_float: tuple[str, ...] = ()

    @property
    def departs(self) -> str:
        """In what it departs from plain int8, in words; empty if in nothing."""
        words = [] if self.estimator == MINMAX else [f"ranges by {self.estimator}"]
        words += ["channels equalised across layers"] if self.exponents else []
        words += [f"in float: {', '.join(self.kept_float)}"] if self.kept_float else []
        return "; ".join(words)

    @property
    def scheme(self) -> str:
        """The quantization in words, for the metadata."""
        return f"{SCHEME}; but {self.departs}" if self.departs else SCHEME

    def build(self, twin: bytes) -> bytes:
        """Make the int8 flatbuffer."""
        return to_int8_tflite(equalise(twin, self.exponents), self.ranges, self.kept_float)


def save_recipe(path: Path, recipe: Recipe, keras_sha256: str, representative: str) -> None:
    """Save a recipe, so that the conversion can be repeated without the cells.

    Parameters
    ----------
    path : Path
    recipe : Recipe
    keras_sha256 : str
        Hash of the Keras file it belongs to.
    representative : str
        What its ranges were observed on, in words.
    """
    content = {"keras_sha256": keras_sha256, "representative": representative, **asdict(recipe)}
    save_text(path, json.dumps(content, indent=1) + "\n")


def load_recipe(path: Path, keras_sha256: str) -> tuple[Recipe, str]:
    """Load a saved recipe, with the words that say what its ranges were observed on.

    Raises
    ------
    ConversionFailed
        If the file is not readable or belongs to another Keras file.
    """
    try:
        content = read_json(path)
        representative, belongs_to = content.pop("representative"), content.pop("keras_sha256")
        recipe: Recipe = as_type(Recipe, content, "it")
    except FileNotFoundError as error:
        raise ConversionFailed(
            f"{path} is missing, in which an earlier conversion left the int8 ranges: give --cells,"
            " a folder of labelled crops, to find them"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConversionFailed(f"{path} holds no recipe of int8 ranges: {error}") from error
    if belongs_to != keras_sha256:
        raise ConversionFailed(
            f"{path} was made for another Keras file; give representative cells instead"
        )
    return recipe, str(representative)
