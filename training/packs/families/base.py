"""What a network family promises to packs: which headers and tensors it has, and its module."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from stylefader.training.packs.inputs import InputSpec

if TYPE_CHECKING:
    from torch import nn

    from stylefader.training.packs.pack_header import PackHeader

Shape = tuple[int, ...]
_SIZE_NAMES = {32: "full", 16: "lite"}
"""By the width of the main network: that of the paper, and half of it."""


class NetworkFamily(ABC):
    """One family of networks; it has no state.

    A family is a module with such a class, entered in `registry.KINDS` under each kind of network that it has. How
    engines compute it stands in `engines/graph/families.py`, where a family without an entry goes the general way.
    Nothing here but `module` may need torch.
    """

    objectives: tuple[str, ...]
    """What a pack of it may have been trained for."""

    styled: bool = False
    """Whether its network takes a style vector and its packs hold such vectors; then it is a palette."""

    @abstractmethod
    def inputs(self, header: PackHeader) -> tuple[InputSpec, ...]:
        """The inputs that a pack with this header has, in the order in which the network takes them."""

    @abstractmethod
    def check(self, header: PackHeader) -> None:
        """Raise PackError, with the field, for a header that is none of this family's."""

    @abstractmethod
    def expected_shapes(self, header: PackHeader) -> dict[str, Shape]:
        """Name and shape of every tensor of a header that was checked."""

    @abstractmethod
    def module(self, header: PackHeader) -> nn.Module:
        """A new network for the tensors of `expected_shapes`."""

    def size_name(self, header: PackHeader) -> str:
        """What users call a network of this size, beside others of the same style."""
        return _SIZE_NAMES.get(header.width, f"w{header.width}")

    def channels(self, header: PackHeader) -> int:
        """Channels of the features at full size, from which engines estimate their memory."""
        return header.width
