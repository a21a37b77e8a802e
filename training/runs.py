"""A whole training run, from a style picture and photographs to a style pack with its header filled in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from training.data import PhotoFolder, Picture, read_picture, resize_short_side
from training.errors import TrainingError
from training.evaluation import measure_losses, stylize
from training.files import written_whole
from training.hashing import file_hash
from training.loss_network import load_loss_network
from training.networks import DynamicNet
from training.pack import StylePack, load_pack, make_pack, save_pack
from training.pack_header import MAX_WIDTH, AlphaHeader, BlockHeader, PackHeader, parse_header
from training.strip import encode_picture, stack, strip
from training.trainer import Progress, Trainer, TrainSettings

LEVEL_ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LABELS = {"residual3": "strokes", "up1": "texture", "output": "colour"}
_PREVIEW_PHOTOS, _PREVIEW_SIDE = 3, 200
_MEASURED_SIDE = 256


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """What a run reads and writes. Checkpoint and preview stand beside the pack.

    held_out: photographs that the finished pack is measured on, kept out of training; None measures nothing.
    """

    style: Path
    photos: Path
    loss_network: Path
    output: Path
    held_out: Path | None = None

    @property
    def checkpoint(self) -> Path:
        return self.output.with_suffix(".checkpoint.pt")

    @property
    def preview(self) -> Path:
        return self.output.with_suffix(".preview.png")


@dataclass(frozen=True, kw_only=True)
class Credits:
    """What people should know of the style: goes into the pack's header."""

    title: str
    artist: str = ""
    year: str = ""
    source: str = ""
    style_licence: str = ""
    licence: str = "MIT"
    photos: str = ""

    def style(self, picture: Path) -> dict[str, Any]:
        said = {"artist": self.artist, "year": self.year, "source": self.source, "licence": self.style_licence}
        return {
            "title": self.title,
            **{key: text for key, text in said.items() if text},
            "sha256": file_hash(picture),
        }


class Run:
    """Trains a main network (`main_pack` None), or the tuning-blocks of an existing one, into a pack.

    Raises TrainingError or PackError before anything is written when the input does not fit.
    """

    def __init__(
        self,
        files: RunFiles,
        settings: TrainSettings,
        credits_: Credits,
        *,
        width: int = 32,
        main_pack: Path | None = None,
        places: tuple[str, ...] = (),
        resume: bool = False,
        checkpoint_every: int = 200,
    ) -> None:
        if not files.output.parent.is_dir():
            raise TrainingError(f"the folder {files.output.parent} is not there")
        if files.output.suffix != ".safetensors":
            raise TrainingError(f"a style pack's name ends in .safetensors, not {files.output.name!r}")
        if files.output.exists():
            raise TrainingError(f"{files.output} is there already: name another output")
        read_picture(files.style)
        self.files, self.settings, self.credits = files, settings, credits_
        if not 1 <= width <= MAX_WIDTH:
            raise TrainingError(f"width must be 1 to {MAX_WIDTH} channels, not {width}")
        self.main_pack = None if main_pack is None else load_pack(main_pack)
        if self.main_pack is not None and self.main_pack.n_blocks:
            raise TrainingError(f"{main_pack} has tuning-blocks already: blocks go on a main network's pack")
        torch.manual_seed(settings.seed)
        self.net = DynamicNet(width=self.main_pack.header.width if self.main_pack else width, places=places)
        if self.main_pack is not None:
            self.net.main.load_state_dict(self.main_pack.network().main.state_dict())
        self.trainer = Trainer(
            self.net,
            settings,
            style=files.style,
            photos=files.photos,
            loss_network=load_loss_network(files.loss_network),
            blocks_only=self.main_pack is not None,
            checkpoint=files.checkpoint,
            identity={} if self.main_pack is None else {"main network": self.main_pack.weights_hash()},
            resume=resume,
            checkpoint_every=checkpoint_every,
        )
        self._previewed = PhotoFolder(files.held_out or files.photos)
        self._previewed.photo(0)  # at least one can be read
        self._checkpoint_every = checkpoint_every
        parse_header(self._header().to_json())  # what would be refused at the end is refused now
        self.preview_problem: str | None = None

    @property
    def alphas(self) -> tuple[float, ...]:
        """The alphas that previews show and losses are measured at."""
        return LEVEL_ALPHAS if self.net.n_blocks else (0.0,)

    def train(self, *, report: Callable[[Progress], None], should_stop: Callable[[], bool]) -> bool:
        """Run to the end or until `should_stop`; True when finished. A preview goes with every checkpoint."""

        def step(progress: Progress) -> None:
            if progress.iteration % self._checkpoint_every == 0 or progress.iteration == progress.iterations:
                try:
                    self.write_preview()
                except OSError as error:  # a preview is no reason to lose a run
                    self.preview_problem = f"cannot write {self.files.preview}: {error.strerror or error}"
            report(progress)

        return self.trainer.run(report=step, should_stop=should_stop)

    def write_preview(self) -> None:
        """A strip for each of a few photographs: the photograph, then the network at each alpha."""
        captions = [f"alpha {alpha:g}" for alpha in self.alphas] if self.net.n_blocks else ["main network"]
        rows = []
        for number in range(min(_PREVIEW_PHOTOS, len(self._previewed))):
            photo = resize_short_side(self._previewed.photo(number), _PREVIEW_SIDE)
            photo = photo[: photo.shape[0] // 4 * 4, : photo.shape[1] // 4 * 4]
            pictures = [stylize(self.net, photo, torch.full((self.net.n_blocks,), alpha)) for alpha in self.alphas]
            rows.append(strip([photo, *pictures], ["photograph", *captions]))
        with written_whole(self.files.preview) as file:
            file.write(encode_picture(stack(rows), ".png"))

    def finish(self, *, report: Callable[[int], None] = lambda done: None) -> StylePack:
        """Make the pack of the trained network, measure it on the held-out photographs, and write it."""
        pack = make_pack(self._header(), self.net, self.files.output)
        if self.files.held_out is not None:
            photos = self._held_out_crops(self.files.held_out)
            curve = measure_losses(pack.network(), self.trainer.target, photos, self.alphas, report=report)
            pack = replace(pack, header=replace(pack.header, losses=curve))
        save_pack(pack)
        return pack

    def _held_out_crops(self, folder: Path) -> Picture:
        held_out = PhotoFolder(folder)
        return held_out.centre_crops(len(held_out), _MEASURED_SIDE)

    def _header(self) -> PackHeader:
        this_run = {
            **asdict(self.settings),
            "precision": "bf16" if self.trainer.bf16 else "f32",
            "photographs": len(self.trainer.photos),
            "photographs_from": self.credits.photos,
            "loss_network": self.trainer.loss_network.name,
            "loss_network_sha256": self.trainer.loss_network.sha256,
            "layer_means": self.trainer.layer_means,
            "content_layers": list(self.trainer.loss_network.layers.content),
            "style_layers": list(self.trainer.loss_network.layers.style),
            "device": "CPU",
        }
        common: dict[str, Any] = {
            "name": self.files.output.stem,
            "title": self.credits.title,
            "kind": self.net.kind,
            "width": self.net.width,
            "style": self.credits.style(self.files.style),
            "licence": self.credits.licence,
        }
        if self.main_pack is None:
            return PackHeader(
                **common,
                objective="fixed",
                blocks=(),
                alpha=AlphaHeader(meaning={}, low=0, high=0, default=0),
                training={"main": this_run},
            )
        main_weight = self.main_pack.header.training.get("main", {}).get("style_weight")
        return PackHeader(
            **common,
            objective="level",
            blocks=tuple(
                BlockHeader(place=place, channels=self.net.main.channels_before(place), label=_LABELS.get(place, place))
                for place in self.net.places
            ),
            alpha=AlphaHeader(
                meaning={
                    "0": f"lightly stylized (style weight {main_weight})",
                    "1": f"strongly stylized (style weight {self.settings.style_weight})",
                },
                low=0,
                high=1,
                default=0.5,
            ),
            training={**self.main_pack.header.training, "blocks": this_run},
        )
