"""A style pack on disk, whose weights are read only when they are wanted: for starts that find an engine ready made.

Neither this module nor a hash of the weights nor the weights as NumPy has them need torch. A file that hashes like a
pack that an engine was built from is that pack. What is read goes through the checks of `pack_tensors.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from stylefader.training.errors import PackError
from stylefader.training.packs.header_reading import read_header
from stylefader.training.packs.pack_family import PackFamily, size_name
from stylefader.training.packs.pack_header import HEADER_KEY, PackHeader, StyleHeader
from stylefader.training.packs.pack_tensors import hash_weights, read_arrays, style_vectors

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack


class PackFile:
    """Opens engines as a StylePack does. Only the header is read at first. Raises PackError.

    family: that it plays for, None where it was asked for by itself. style: by which performers and programs know it:
    the name of that family, else what is given, else the pack's own name. chosen: the style that is meant of a palette,
    as `with_style` says; empty for a pack as a whole. A palette may have more styles than its file (`with_vector`).
    """

    def __init__(self, file: Path, *, style: str = "", family: PackFamily | None = None) -> None:
        self.file, self.family = file, family
        self.header: PackHeader = read_header(file)
        self.style = family.name if family is not None else style or self.header.name
        self.chosen = ""
        self._palette: PackFile | None = None
        self._hash: str | None = None
        self._added: dict[str, npt.NDArray[np.float32]] = {}

    def with_vector(self, name: str, vector: npt.NDArray[np.float32], painting: Mapping[str, str]) -> PackFile:
        """This whole palette with one more style behind its own, which is in no file. Its engines are the same.

        Of a family it is this member alone, since a vector is of one network.

        Args:
            name: Of the style, which the palette does not have yet.
            vector: float32 (d,).
            painting: What people should know of its painting, such as its `title`.
        """
        assert name not in {style.name for style in self.header.styles}, name
        more = copy(self.network_pack)
        more.family = None
        more.header = replace(
            self.header, styles=(*self.header.styles, StyleHeader(name=name, painting=dict(painting)))
        )
        more._added = {**self._added, name: vector}
        return more

    @property
    def added_styles(self) -> tuple[str, ...]:
        """The styles that `with_vector` has added."""
        return tuple(self._added)

    def learn_vector(self, name: str, vector: npt.NDArray[np.float32]) -> None:
        """Exchange the vector of a style that `with_vector` has added, float32 (d,); engines opened later take it.

        Raises ValueError for a vector of another length.
        """
        assert name in self._added, name
        if vector.shape != self._added[name].shape:
            raise ValueError(f"the vector of {name} has {len(vector)} numbers")
        self._added[name] = vector

    @property
    def _in_file(self) -> PackHeader:
        """The header that its file should have."""
        own = self.header.styles[: len(self.header.styles) - len(self._added)]
        return replace(self.header, styles=own) if self._added else self.header

    def with_style(self, name: str) -> PackFile:
        """One style of this palette, known as `PALETTE/STYLE`; it plays on the engines of the palette."""
        assert name in {one.name for one in self.header.styles}, name
        one, palette = copy(self), self.network_pack
        one.chosen, one.style, one._palette = name, f"{palette.style}/{name}", palette
        return one

    @property
    def network_pack(self) -> PackFile:
        """What engines are made of: for one style of a palette the palette, the same object for all of its styles."""
        return self if self._palette is None else self._palette

    @property
    def n_blocks(self) -> int:
        """How many tuning-blocks there are."""
        return len(self.header.blocks)

    @property
    def size(self) -> str:
        """What users call the size of its network."""
        return size_name(self.header)

    def weights_hash(self) -> str:
        """As `StylePack.weights_hash`. Raises PackError for a file whose tensors cannot be a pack's."""
        if self._palette is not None:
            return self._palette.weights_hash()
        if self._hash is None:
            self._hash = hash_weights(read_arrays(self._in_file, self.file))
        return self._hash

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The weights, checked: float16 by the network's own parameter names. Raises PackError as `whole` does."""
        arrays = read_arrays(self._in_file, self.file)
        if hash_weights(arrays) != self.weights_hash() or read_header(self.file) != self._in_file:
            raise PackError(f"{self.file} has changed while it was being opened: try again")
        return arrays

    def style_vectors(self) -> dict[str, npt.NDArray[np.float32]]:
        """As `StylePack.style_vectors`. Raises PackError."""
        own = self._in_file
        found = style_vectors(own, read_arrays(own, self.file)) if own.styles else {}
        return {**found, **self._added}

    def copy_to(self, file: Path) -> None:
        """Write the pack as it was checked to another file, without torch. Raises PackError."""
        form = save(self.arrays(), metadata={HEADER_KEY: self._in_file.to_json()})
        try:
            file.write_bytes(form)
        except OSError as error:
            raise PackError(f"cannot write the style pack {file}: {error}", failure=True) from error

    def whole(self) -> StylePack:
        """The pack in memory, checked. Raises PackError, also where the file has changed since it was hashed."""
        pack = self._load()
        if pack.weights_hash() != self.weights_hash() or pack.header != self._in_file:
            raise PackError(f"{self.file} has changed while it was being opened: try again")
        return pack

    def network(self) -> Any:
        """As `StylePack.network`."""
        return self.whole().network()

    def _load(self) -> StylePack:
        from stylefader.training.packs.pack import load_pack

        return load_pack(self.file)
