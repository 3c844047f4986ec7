"""An inspection, and a difference, as text for a terminal of 96 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from convert.inspect.difference import Change, Difference, QuantizationChange, WeightChange
from convert.inspect.inspection import Inspection, Tensor
from edge.contract import Contract
from edge.documents.words import listed
from edge.models.metadata import Metadata
from edge.wording import printable

_NAME = 34  # columns for the name of a tensor
_LISTED = 20  # differences of a kind; --json has them all


def describe_model(found: Inspection) -> str:
    """Metadata, sizes, operators and tensors of a file, line by line."""
    sizes = found.sizes
    lines = [
        f"file       {printable(str(found.path))}",
        f"sha256     {found.sha256}",
        *_metadata(found),
        f"bytes      {sizes.flatbuffer:,} flatbuffer, {sizes.constants:,} of them weights and"
        f" biases; {sizes.zip:,} zip",
        f"runtime    TFLite {found.minimum_runtime} or newer",
        "",
        f"{'operator':<{_NAME}} {'version':>7} {'count':>6}",
        *(f"{o.name:<{_NAME}} {o.version:>7} {o.count:>6}" for o in found.operators),
        "",
        f"{'tensor':<{_NAME}} {'dtype':<8} {'shape':<12} {'scale':<18} {'zero':>5} {'bytes':>12}",
        *map(_tensor, found.tensors),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def describe_difference(found: Difference) -> str:
    """Every kind of difference with what differs, line by line."""
    logits = found.logits
    lines = [
        *_part("metadata", "first -> second", [_change(c) for c in found.metadata]),
        *_part("operators", "count in first -> second", [_change(c) for c in found.operators]),
        *_part("tensors only in the first", "", [_short(name) for name in found.only_first]),
        *_part("tensors only in the second", "", [_short(name) for name in found.only_second]),
        *_part(
            "quantization",
            "scale of second / first",
            [_requantized(change) for change in found.quantization],
        ),
        *_part("weights and biases", "apart by", [_reweighted(c) for c in found.weights]),
        f"logits on {logits.crops} drawn cells: {logits.mean:.4f} apart on average,"
        f" {logits.largest:.4f} at most, {logits.flips} labels differ",
        "the files hold the same" if found.same else "the files differ",
    ]
    return "\n".join(lines) + "\n"


def _metadata(found: Inspection) -> Iterator[str]:
    if found.packed is None:
        yield "metadata   none: a bare .tflite"
        return
    metadata, golden = found.packed.metadata, found.packed.golden
    contract = metadata.contract
    made_with = ", ".join(f"{tool} {version}" for tool, version in metadata.created_with.items())
    labels = listed(contract.names)
    yield from _wrapped("network", f"{metadata.network}, {metadata.head} of {labels}")
    yield (
        f"input      {contract.side}x{contract.side} {contract.channels}, {contract.dtype},"
        f" scale {contract.scale:.6g}, zero point {contract.zero_point}"
    )
    yield f"cells      on {contract.background} background, {_scale_of(contract)}"
    yield from _wrapped("labels", _words_of(contract))
    yield from _wrapped("decision", _decision(metadata))
    yield from _wrapped("int8", metadata.quantization)
    yield f"golden     {len(golden.inputs)} vectors, {metadata.golden_tolerance} int8 steps allowed"
    yield f"keras      sha256 {metadata.keras_sha256}"
    yield f"twin       sha256 {metadata.twin_sha256}"
    yield from _wrapped("made with", made_with)
    yield from _wrapped("use", contract.intended_use)


def _scale_of(contract: Contract) -> str:
    """Scale of the crops and size of the cells, in words."""
    scale = contract.um_per_pixel
    of_pixel = "at no known scale" if scale is None else f"{scale:.4g} um a pixel"
    found = contract.diameters
    if found is None:
        return f"{of_pixel}, of no known size"
    ends = found.percentiles[0], found.percentiles[-1]
    return f"{of_pixel}, {found.median:.1f} pixels wide ({ends[0]:.1f} to {ends[1]:.1f})"


def _words_of(contract: Contract) -> str:
    """What people read for the labels, and which one is not to be missed."""
    read = listed([f"{name} is read {words}" for name, words in _pairs(contract)])
    positive = contract.positive
    return read if positive is None else f"{read}; not to be missed: {positive}"


def _decision(metadata: Metadata) -> str:
    """Temperature, and what is refer."""
    if metadata.refer_band is not None:
        low, high = metadata.refer_band
        refers = f"refers from {low:.3f} to {high:.3f}"
    else:
        least = zip(metadata.contract.names, metadata.thresholds or (), strict=True)
        refers = f"decides from {listed([f'{name} {p:.3f}' for name, p in least])} on"
    return f"temperature {metadata.temperature:.3f}, {refers}"


def _pairs(contract: Contract) -> list[tuple[str, str]]:
    return list(zip(contract.names, contract.words, strict=True))


def _wrapped(title: str, text: str) -> list[str]:
    return textwrap.wrap(
        printable(text), 96, initial_indent=f"{title:<11}", subsequent_indent=11 * " "
    )


def _tensor(tensor: Tensor) -> str:
    shape = "x".join(map(str, tensor.shape))
    zeros = set(tensor.zero_point)
    zero = str(min(zeros)) if len(zeros) == 1 else ""
    size = f"{tensor.constant.nbytes:,}" if tensor.constant.nbytes else ""
    return (
        f"{_short(tensor.name):<{_NAME}} {tensor.dtype:<8} {shape:<12} {_scale(tensor):<18}"
        f" {zero:>5} {size:>12}"
    )


def _scale(tensor: Tensor) -> str:
    if len(set(tensor.scale)) <= 1:
        return "".join(f"{scale:.3g}" for scale in tensor.scale[:1])
    return f"{min(tensor.scale):.2g}..{max(tensor.scale):.2g}"


def _short(name: str) -> str:
    """First of the names that the converter joined, cut to what fits."""
    name = printable(name.partition(";")[0])
    return name if len(name) <= _NAME else f"{name[: _NAME - 3]}..."


def _part(title: str, columns: str, rows: Sequence[str]) -> Iterator[str]:
    if not rows:
        return
    yield f"{title} ({len(rows)}){': ' if columns else ''}{columns}"
    yield from (f"  {row}" for row in rows[:_LISTED])
    if len(rows) > _LISTED:
        yield f"  ... and {len(rows) - _LISTED} more; --json has them all"
    yield ""


def _change(change: Change) -> str:
    line = f"{change.name}: {_value(change.first)} -> {_value(change.second)}"
    return textwrap.shorten(printable(line), 94, placeholder=" ...")


def _value(value: object) -> str:
    text = "none" if value is None else str(value)
    is_hash = len(text) == 64 and set(text) <= set("0123456789abcdef")
    return text[:12] if is_hash else text


def _requantized(change: QuantizationChange) -> str:
    name = f"{_short(change.tensor):<{_NAME}}"
    if change.scale_ratio is None:
        return f"{name} {' -> '.join(change.dtypes)}"
    low, high = (f"{ratio:.4f}" for ratio in change.scale_ratio)
    ratio = low if low == high else f"{low}..{high}"
    scales = (
        ""
        if change.scales[0] == change.scales[1]
        else f", {change.scales[0]} -> {change.scales[1]} scales"
    )
    moved = "" if change.zero_points_equal else ", other zero point"
    return f"{name} {ratio}{scales}{moved}"


def _reweighted(change: WeightChange) -> str:
    name = f"{_short(change.tensor):<{_NAME}}"
    if change.largest is None:
        return f"{name} other shape or type"
    return f"{name} {change.mean:.2g} on average, {change.largest:.2g} at most"
