"""A style pack on disk, whose weights are read only when they are wanted: for starts that find an engine ready made.

Neither this module nor a hash of the weights nor the weights as NumPy has them need torch. A file that hashes like a
pack that an engine was built from is that pack, so it needs no second check; everything else goes through `arrays` or
`load_pack` and their checks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save

from training.errors import PackError
from training.pack_header import HEADER_KEY, PackHeader, read_header
from training.pack_tensors import check_arrays

if TYPE_CHECKING:
    from training.networks import DynamicNet
    from training.pack import StylePack


def hash_weights(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256 over names, shapes and bytes of the tensors: equal exactly where the network is equal."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.shape} torch.{array.dtype}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


class PackFile:
    """Opens engines as a StylePack does. Only the header is read at first. Raises PackError."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.header: PackHeader = read_header(file)
        self._hash: str | None = None

    @property
    def n_blocks(self) -> int:
        return len(self.header.blocks)

    def weights_hash(self) -> str:
        """As `StylePack.weights_hash`. Raises PackError for a file whose tensors cannot be a pack's."""
        if self._hash is None:
            try:
                with safe_open(self.file, framework="numpy") as file:
                    self._hash = hash_weights({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
            except Exception:  # cut off, or types that NumPy does not have: the full check knows the words
                self._hash = self._load().weights_hash()
        return self._hash

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The weights, checked: float16 by the network's own parameter names. Raises PackError as `whole` does."""
        try:
            with safe_open(self.file, framework="numpy") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            check_arrays(self.header, arrays)
        except PackError as error:
            raise PackError(f"{self.file} is not a style pack that fits: {error}") from error
        except Exception:  # cut off, or types that NumPy does not have: the full check knows the words
            arrays = self.whole().arrays()
        if hash_weights(arrays) != self.weights_hash() or read_header(self.file) != self.header:
            raise PackError(f"{self.file} has changed while it was being opened: try again")
        return arrays

    def copy_to(self, file: Path) -> None:
        """Write the pack as it was checked to another file, without torch. Raises PackError."""
        form = save(self.arrays(), metadata={HEADER_KEY: self.header.to_json()})
        try:
            file.write_bytes(form)
        except OSError as error:
            raise PackError(f"cannot write the style pack {file}: {error}", failure=True) from error

    def whole(self) -> StylePack:
        """The pack in memory, checked. Raises PackError, also where the file has changed since it was hashed."""
        pack = self._load()
        if pack.weights_hash() != self.weights_hash() or pack.header != self.header:
            raise PackError(f"{self.file} has changed while it was being opened: try again")
        return pack

    def network(self) -> DynamicNet:
        """As `StylePack.network`."""
        return self.whole().network()

    def _load(self) -> StylePack:
        from training.pack import load_pack

        return load_pack(self.file)
