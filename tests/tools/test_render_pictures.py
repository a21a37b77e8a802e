"""`stylefader render` with pictures that move, are transparent, or are too large."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack
from tests.realtime.clips import read
from tests.tools.program import stylefader
from tests.training.reading.test_picture_files import bomb


def test_moving_and_transparent_pictures(tmp_path: Path) -> None:
    save_pack(random_pack(tmp_path / "small.safetensors", width=4))
    images = []
    for level in (50, 150, 250):
        image = Image.new("RGBA", (32, 16), (level, 128, 60, 255))
        image.paste((255, 0, 0, 0), (0, 0, 16, 16))
        images.append(image)
    images[0].save(tmp_path / "a.png", save_all=True, append_images=images[1:], duration=[100, 200, 300])
    style = ("--style", "small.safetensors", "--engine", "torch", "--json")
    done = stylefader("render", "a.png", "-o", "still.png", *style, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["notes"] == [
        "a.png holds 3 pictures; only the first is taken (a video as the output has all)",
        "transparency is kept, in .png",
    ]
    with Image.open(tmp_path / "still.png") as still:
        pixels = np.asarray(still)
    assert pixels.shape == (16, 32, 4) and not pixels[:, :16].any() and (pixels[:, 16:, 3] == 255).all()
    done = stylefader("render", "a.png", "-o", "all.mp4", *style, "--background", "#204060", cwd=tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout)["frames"] == 3, done.stderr
    _, content = read(tmp_path / "all.mp4")
    assert [float(at) for at in content.times] == [0.0, 0.1, 0.3]


def test_one_line_for_what_is_refused(tmp_path: Path) -> None:
    save_pack(random_pack(tmp_path / "small.safetensors", width=4))
    bomb(tmp_path / "bomb.png", 13_000)
    for words, said in [
        (("bomb.png", "-o", "b.png"), "169 megapixels, more than the 150"),
        (("bomb.png", "-o", "b.png", "--background", "nothing"), "'nothing' is no colour"),
    ]:
        done = stylefader("render", *words, "--style", "small.safetensors", cwd=tmp_path)
        assert done.returncode == 2 and said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "b.png").exists()
