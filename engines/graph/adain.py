"""How engines compute AdaIN: the frame path of a style around its network, which OpenVINO gets by tracing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylefader.engines.graph.families import GraphFamily

if TYPE_CHECKING:
    from torch import nn

    from stylefader.engines.graph.rewrite import Rewrites
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile


class AdainGraphs(GraphFamily):
    """Kind `adain`. Its network has no frame path of its own; all else is the general way."""

    def frame_graph(
        self, pack: StylePack | PackFile, height: int | None, width: int | None, *, rewrites: Rewrites | None = None,
        half: bool = False, masked: bool = False,
    ) -> nn.Module:  # fmt: skip
        """The whole path of a frame, from uint8 to uint8, with sides that are multiples of 4 inside."""
        from stylefader.engines.graph.frame_graph import FrameGraph

        network = super().frame_graph(pack, height, width, half=half)
        return FrameGraph(network, height, width).eval()  # type: ignore[arg-type]
