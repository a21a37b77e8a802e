"""Style packs: one safetensors file with a network's weights in fp16 and a JSON header. No pickle anywhere.

A pack is refused, with the reason, when its format is unknown, a tensor is missing, extra, misshapen, of
another dtype or not finite, or the header does not fit the network it describes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save
from torch import Tensor, nn

from stylefader.training.errors import PackError
from stylefader.training.files import written_whole
from stylefader.training.packs.families.registry import family_of
from stylefader.training.packs.header_reading import parse_header, read_header
from stylefader.training.packs.pack_header import HEADER_KEY, PREDICTOR, STYLES, PackHeader
from stylefader.training.packs.pack_tensors import (
    DTYPE,
    check_finite,
    check_layout,
    hash_weights,
    is_of_network,
    read_arrays,
    style_vectors,
)

if TYPE_CHECKING:
    from stylefader.training.networks.predictor import StylePredictor


@dataclass(frozen=True, kw_only=True, eq=False)
class StylePack:
    """A pack in memory: its header, and its tensors as stored (fp16, by the network's parameter names)."""

    header: PackHeader
    tensors: dict[str, Tensor]
    file: Path

    @property
    def n_blocks(self) -> int:
        """How many tuning-blocks there are."""
        return len(self.header.blocks)

    def network(self) -> Any:
        """A new float32 module of its family with the pack's weights, in eval mode, parameters frozen."""
        net = family_of(self.header.kind).module(self.header)
        net.load_state_dict({name: tensor.float() for name, tensor in self.tensors.items() if is_of_network(name)})
        return net.requires_grad_(False).eval()

    def predictor(self) -> StylePredictor | None:
        """A new float32 prediction network with the pack's weights, parameters frozen; None where it has none."""
        header = self.header.predictor
        if header is None:
            return None
        from stylefader.training.networks.predictor import StylePredictor

        found = StylePredictor(header.channels, header.hidden, self.tensors[STYLES].shape[1])
        own = {name.removeprefix(PREDICTOR): t for name, t in self.tensors.items() if name.startswith(PREDICTOR)}
        found.load_state_dict({name: tensor.float() for name, tensor in own.items()})
        return found.requires_grad_(False).eval()

    def weights_hash(self) -> str:
        """As `hash_weights`: equal exactly where the network is equal."""
        return hash_weights(self.arrays())

    def style_vectors(self) -> dict[str, npt.NDArray[np.float32]]:
        """The vectors of a palette's styles, float32 (d,) each, by their names; none of another pack."""
        return style_vectors(self.header, self.arrays())

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The tensors as NumPy has them, float16."""
        return {name: tensor.contiguous().numpy() for name, tensor in self.tensors.items()}


def load_pack(path: Path) -> StylePack:
    """Read and check a style pack. Raises PackError that names the file and the first thing that does not fit."""
    header = read_header(path)
    tensors = {name: torch.from_numpy(array) for name, array in read_arrays(header, path).items()}
    return StylePack(header=header, tensors=tensors, file=path)


def make_pack(
    header: PackHeader, net: nn.Module, path: Path, *, styles: Tensor | None = None, predictor: nn.Module | None = None
) -> StylePack:
    """The pack that `net` (weights rounded to fp16) and `header` make, checked, for `path`; not yet written.

    styles: of a palette, float (number of styles, d), in the order of the header.
    predictor: its prediction network, where the header has one.
    """
    header = parse_header(header.to_json())
    state = net.state_dict() if styles is None else {**net.state_dict(), STYLES: styles}
    if predictor is not None:
        state |= {f"{PREDICTOR}{name}": tensor for name, tensor in predictor.state_dict().items()}
    tensors = {name: tensor.detach().cpu().half().contiguous() for name, tensor in state.items()}
    check_layout(header, {name: (tuple(tensor.shape), DTYPE) for name, tensor in tensors.items()})
    for name, tensor in tensors.items():
        check_finite(name, tensor.numpy())
    return StylePack(header=header, tensors=tensors, file=path)


def save_pack(pack: StylePack) -> None:
    """Write a pack to its file, whole or not at all. Raises PackError."""
    try:
        with written_whole(pack.file) as file:
            file.write(save(pack.tensors, metadata={HEADER_KEY: pack.header.to_json()}))
    except OSError as error:
        raise PackError(f"cannot write the style pack {pack.file}: {error}", failure=True) from error
