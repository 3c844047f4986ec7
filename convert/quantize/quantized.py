"""The int8 network of a conversion, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass

from convert.graph.layers import float_layers, short_name
from convert.quantize.accuracy_control import Controlled
from convert.quantize.recipe import Recipe
from convert.quantize.stability import Stability
from convert.verify.layer_fidelity import LayerFidelity


@dataclass(frozen=True)
class Quantized:
    """The int8 network; None is what a saved recipe leaves unknown.

    Attributes
    ----------
    flatbuffer : bytes
    recipe : Recipe
        What made it of the twin.
    ranges_are : str
        What its ranges were observed on, in words.
    controlled : Controlled or None
    stability : Stability or None
    layers : tuple of LayerFidelity or None
    """

    flatbuffer: bytes
    recipe: Recipe
    ranges_are: str
    controlled: Controlled | None = None
    stability: Stability | None = None
    layers: tuple[LayerFidelity, ...] | None = None

    @property
    def scheme(self) -> str:
        """The quantization in words, with the layers that int8 has no form of."""
        chosen = self.recipe.kept_float
        others = [f for f in float_layers(self.flatbuffer) if f.name not in chosen]
        if not others:
            return self.recipe.scheme
        named = ", ".join(map(short_name, others))
        return f"{self.recipe.scheme}; in float, as int8 has no form of them: {named}"
