"""How engines compute Dynamic-Net: `FrameGraph`, its rewrites, and OpenVINO's graph straight from the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylefader.engines.graph.families import GraphFamily
from stylefader.engines.graph.openvino_form import LAST_CONVOLUTION, OPENVINO_REWRITES

if TYPE_CHECKING:
    import openvino as ov
    from torch import nn

    from stylefader.engines.graph.rewrite import Rewrites
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile


class DynamicNetGraphs(GraphFamily):
    """Kinds `single` and `dual`. Only the modules need torch."""

    openvino_rewrites = " ".join(f"{name}={value}" for name, value in OPENVINO_REWRITES.items())
    floating = (LAST_CONVOLUTION,)
    alpha_map = True

    def frame_graph(
        self, pack: StylePack | PackFile, height: int | None, width: int | None, *, rewrites: Rewrites | None = None,
        half: bool = False, masked: bool = False,
    ) -> nn.Module:  # fmt: skip
        """The whole path of a frame, from uint8 to uint8."""
        from stylefader.engines.graph.frame_graph import FrameGraph

        return FrameGraph(pack.network(), height, width, rewrites=rewrites, half=half, masked=masked).eval()

    def padded_graph(
        self, pack: StylePack | PackFile, precision: str, rewrites: Rewrites, *, masked: bool = False
    ) -> nn.Module:
        """The network alone, for frames that are padded already."""
        from stylefader.engines.graph.frame_graph import PaddedGraph

        return PaddedGraph(pack.network(), precision, rewrites=rewrites, masked=masked).eval()

    def openvino_model(self, pack: StylePack | PackFile, height: int, width: int, *, masked: bool = False) -> ov.Model:
        """OpenVINO's graph, written from the weights without PyTorch."""
        from stylefader.engines.graph.openvino_graph import convert
        from stylefader.engines.graph.openvino_mask import with_mask

        model = convert(pack, height, width)
        return with_mask(model, pack.header, height, width) if masked else model
