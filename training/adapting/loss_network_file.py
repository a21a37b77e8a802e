"""Finding the loss network that a palette was trained with, without loading it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stylefader.training.errors import TrainingError
from stylefader.training.hashing import file_hash
from stylefader.training.packs.pack_header import PackHeader

LOSS_NETWORKS = ("vgg19_conv1_1_to_conv3_4.safetensors", "vgg16-397923af.pth")
"""Names under which a loss network is looked for in the current folder and in PyTorch's own."""
_NEEDED = ("style_weight", "layer_means", "loss_network_sha256", "style_size", "pyramid")


def find_loss_network(given: Path | None, header: PackHeader) -> Path:
    """The loss network's file: the one that is given, or one that is at hand. Raises TrainingError that says which."""
    wanted = training_run(header, "blocks")
    if given is not None:
        if not os.path.isfile(given):
            raise TrainingError(f"no loss network at {given}")
        return given
    hub = Path(os.environ.get("TORCH_HOME", Path("~/.cache/torch").expanduser())) / "hub" / "checkpoints"
    for folder in (Path(), hub):
        for name in LOSS_NETWORKS:
            if os.path.isfile(folder / name) and file_hash(folder / name) == wanted["loss_network_sha256"]:
                return folder / name
    raise TrainingError(
        f"adapting needs the loss network that {header.name} was trained with ({wanted.get('loss_network', 'VGG')}, "
        f"SHA-256 {wanted['loss_network_sha256'][:12]}...): give its file; "
        "docs/training.md says what it is"
    )


def training_run(header: PackHeader, part: str) -> Mapping[str, Any]:
    """How a part of a palette was trained; a student's own parts are those of its teacher. Raises TrainingError."""
    if not header.styles:
        raise TrainingError(f"{header.name} is no palette: its network has one style, and nothing to adapt")
    run: Mapping[str, Any] = header.training.get(part) or {}
    missing = [key for key in _NEEDED if key not in run]
    if missing:
        raise TrainingError(f"{header.name} does not say how it was trained ({part}: {missing[0]!r} is missing)")
    return run
