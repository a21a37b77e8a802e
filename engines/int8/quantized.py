"""The int8 form of a style pack: a file beside it, `NAME.int8`, with a quantised graph and what it costs in fidelity.

Quantising needs photographs and a heavy library (`engines.int8.quantize`); using the result needs neither. The file is
safetensors like the pack: OpenVINO's graph (XML) and weights as bytes, and a JSON header. Nothing in it is code.
It belongs to the very weights that it was made from, and is refused beside others. What it states is not believed
beyond that: `graph_check.py` looks through its graph here, and `engines.selection.measuring` proves it before it is
used.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from stylefader.engines.graph.sizes import padded
from stylefader.engines.int8.graph_check import LARGEST_XML, check_graph, largest_weights
from stylefader.training.errors import EngineError
from stylefader.training.files import open_regular, written_whole

if TYPE_CHECKING:
    import openvino as ov

    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile
    from stylefader.training.packs.pack_header import PackHeader

SUFFIX = ".int8"
_HEADER_KEY = "stylefader-int8"
_FORMAT = 1
_LARGEST_HEADER = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """What int8 costs, over photographs that were not used to quantise, with every block at each of the alphas.

    psnr_db: the mean PSNR to the f32 picture; worst_db: the least of any photograph. content_change and style_change:
    the mean loss less that of the f32 picture, over that of the f32 picture; empty where no loss network was given.
    """

    photographs: int
    size: str
    alpha: tuple[float, ...]
    psnr_db: tuple[float, ...]
    worst_db: tuple[float, ...]
    content_change: tuple[float, ...] = ()
    style_change: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class QuantizedGraph:
    """A quantised graph for frames of any size: OpenVINO's XML and weights, and how it was made, free in form."""

    xml: bytes
    weights_bin: bytes
    made: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Over graph and weights: what makes an engine of it another one."""
        return hashlib.sha256(self.xml + self.weights_bin).hexdigest()

    def model(self, header: PackHeader, height: int, width: int, *, masked: bool = False) -> ov.Model:
        """The graph for frames of one size, with the inputs of a pack. Raises EngineError where it is of no use."""
        import openvino as ov

        from stylefader.engines.graph.openvino_mask import with_mask
        from stylefader.engines.graph.openvino_names import name_inputs

        specs = header.inputs
        try:
            model = ov.Core().read_model(self.xml, ov.Tensor(np.frombuffer(self.weights_bin, np.uint8).copy()))
            sized = {place: spec for place, spec in enumerate(specs) if spec.sized}
            sides = {place: list(spec.sides(padded(height), padded(width))) for place, spec in sized.items()}
            model.reshape({place: ov.PartialShape(shape) for place, shape in sides.items()})
            framed = name_inputs(_framed(model, list(sized), height, width), specs)
            return with_mask(framed, header, height, width) if masked else framed
        except RuntimeError as error:
            raise EngineError(f"the int8 form does not fit this OpenVINO: {error}", failure=True) from error


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """What the file holds. weights: the `weights_hash` of the pack that it was made from."""

    weights: str
    graph: QuantizedGraph
    fidelity: Fidelity

    @property
    def psnr_db(self) -> float:
        """The PSNR that it holds: the lowest over alpha of the mean over photographs."""
        return min(self.fidelity.psnr_db)

    def save(self, file: Path) -> None:
        """Write it whole or not at all."""
        graph = self.graph
        header = {
            "format": _FORMAT,
            "weights": self.weights,
            "fidelity": asdict(self.fidelity),
            "made": graph.made,
        }
        parts = {"xml": graph.xml, "weights": graph.weights_bin}
        arrays = {name: np.frombuffer(part, np.uint8) for name, part in parts.items()}
        with written_whole(file) as out:
            out.write(save(arrays, metadata={_HEADER_KEY: json.dumps(header, allow_nan=False)}))


def quantized_file(pack: StylePack | PackFile | Path) -> Path:
    """Where a pack's int8 form is looked for."""
    return (pack if isinstance(pack, Path) else pack.file).with_suffix(SUFFIX)


def copy_with_form(pack: StylePack | PackFile, folder: Path) -> PackFile:
    """A copy of a pack in a folder, with its int8 form where it has one: nobody changes it, whatever becomes of both.

    Raises:
        PackError: The pack is spoilt, or cannot be written.
    """
    from stylefader.training.packs.pack_file import PackFile

    file = folder / "pack.safetensors"
    if isinstance(pack, PackFile):
        pack.copy_to(file)
    else:
        from stylefader.training.packs.pack import save_pack

        save_pack(replace(pack, file=file))
    with suppress(EngineError):
        quantized_file(file).write_bytes(read_form(pack))
    return PackFile(file)


def read_form(pack: StylePack | PackFile) -> bytes:
    """The bytes of the file. Raises EngineError where there is none, or no plain file of a size that one can have."""
    file = quantized_file(pack)
    most = LARGEST_XML + largest_weights(pack.header) + _LARGEST_HEADER
    try:
        with open_regular(file) as opened:
            size = os.fstat(opened.fileno()).st_size
            data = b"" if size > most else opened.read(most + 1)
    except OSError as error:
        raise EngineError(f"{file} cannot be read ({error.strerror or error})") from error
    if not data or len(data) > most:
        raise EngineError(
            f"{file} is not an int8 form that can be read (it has {size} bytes, this style's up to {most}): "
            "quantise again"
        )
    return data


def find_quantized(pack: StylePack | PackFile) -> Quantized | None:
    """The int8 form beside a pack; None where there is none. Raises EngineError for one that cannot be used."""
    file = quantized_file(pack)
    if not file.is_file():
        return None
    try:
        # Of bytes that were read at once: a file that is mapped could change under our hands.
        form = read_form(pack)
        header = _header(form)
        tensors = load(form)
        if header["format"] != _FORMAT:
            raise EngineError(f"{file} has format {header['format']!r:.20}, which is not known here")
        fidelity = header["fidelity"]
        known: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value
                                 for key, value in fidelity.items()}  # fmt: skip
        graph = QuantizedGraph(
            xml=tensors["xml"].tobytes(), weights_bin=tensors["weights"].tobytes(), made=dict(header["made"])
        )
        found = Quantized(weights=header["weights"], graph=graph, fidelity=Fidelity(**known))
        if not found.fidelity.psnr_db or not np.isfinite(found.fidelity.psnr_db).all():
            raise ValueError("no PSNR in it")
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EngineError(f"{file} is not an int8 form that can be read ({error}): quantise again") from error
    if found.weights != pack.weights_hash():
        raise EngineError(f"{file} was made from other weights than {pack.file.name} has: quantise again")
    try:
        check_graph(found.graph.xml, found.graph.weights_bin, pack.header)
    except EngineError as error:
        raise EngineError(f"{file}: {error}") from error
    return found


def _header(form: bytes) -> dict[str, Any]:
    """Our JSON text in a safetensors file. Raises ValueError, KeyError or TypeError."""
    length = int.from_bytes(form[:8], "little")
    if length > min(len(form), _LARGEST_HEADER):
        raise ValueError("its header is cut off or too long")
    return dict(json.loads(json.loads(form[8 : 8 + length])["__metadata__"][_HEADER_KEY]))


def _framed(model: ov.Model, sized: list[int], height: int, width: int) -> ov.Model:
    """The padding to a size that the network takes, and the cropping back, as `FrameGraph` does them.

    sized: places of the inputs that have the size of the picture.
    """
    import openvino as ov
    from openvino import opset13 as ops

    bottom, right = padded(height) - height, padded(width) - width
    if not (bottom or right):
        return model
    parameters = [port.get_node() for port in model.inputs]
    for place in sized:
        inner = parameters[place].output(0)
        readers, rest = inner.get_target_inputs(), list(inner.get_shape())[2:]
        parameters[place] = ops.parameter([height, width, *rest], inner.get_element_type())
        wide = ops.pad(parameters[place], [0, 0, *[0] * len(rest)], [bottom, right, *[0] * len(rest)], "edge")
        for reader in readers:
            reader.replace_source_output(wide.output(0))
    picture = model.outputs[0].get_node().input_value(0)
    cropped = ops.slice(picture, [0, 0], [height, width], [1, 1], [0, 1])
    return ov.Model([ops.result(cropped)], parameters)
