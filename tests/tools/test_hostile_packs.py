"""Packs that a stranger made to break who looks at them, by the commands that a user would use."""

from __future__ import annotations

import json
import resource
import struct
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from stylefader.tools.cli import run
from stylefader.tools.commands.demo import demo_clip
from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.objectives import looks
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from tests.conftest import random_pack
from tests.tools.program import stylefader

Header = dict[str, Any]
Change = Callable[[Header], object]
RUN = {"iterations": 3, "style_weight": 1.5, "layer_means": {"conv1_1": 2.0}, "style_layers": ["conv1_1"]}


def of_run(**fields: Any) -> Change:
    return lambda header: header["training"].update(main={**RUN, **fields})


HOSTILE: dict[str, tuple[Change, str]] = {
    "a number for a run": (lambda h: h.update(training={"main": 3}), "header.training.main must be an object, not 3"),
    "null for a run": (lambda h: h.update(training={"main": None}), "header.training.main must be an object, not None"),
    "a list for training": (lambda h: h.update(training=[]), "header.training must be an object"),
    "a text for style": (lambda h: h.update(style="Wave"), "header.style must be an object, not 'Wave'"),
    "an infinity in style": (lambda h: h["style"].update(year=float("inf")), "Infinity is no number of JSON"),
    "a number too large": (lambda h: h["style"].update(year="1e999"), "style.year must be a finite number, not inf"),
    "a number for a title": (lambda h: h["style"].update(title=3), "header.style.title must be a printable text"),
    "an object for a title": (
        lambda h: h["style"].update(sha256={"a": "b"}),
        "header.style.sha256 must be a printable",
    ),
    "deep style": (lambda h: h["style"].update({"0": {"a": {"b": "c"}}}), r"header.style.0.a must be a printable"),
    "escapes in style": (lambda h: h["style"].update(artist="\x1b]0;X\x07"), "header.style.artist must be a printable"),
    "escapes in a key": (lambda h: h["style"].update({"\x1b[2J": "a"}), r"'\x1b[2J'"),
    "escapes in an unknown field": (lambda h: h.update({"\x1b[31mred": 1}), r"unknown fields: '\x1b[31mred'"),
    "escapes in a meaning": (lambda h: h["alpha"]["meaning"].update({"\x1b[2J": "a"}), r"header.alpha.meaning has"),
    "turned letters": (lambda h: h.update(title="Wave \u202egnp.exe"), "header.title must be a printable text"),
    "half a pair": (lambda h: h["style"].update(title="\ud800"), "half a surrogate pair"),
    "half a pair in a key": (lambda h: h["training"].update({"\udfff": {}}), "half a surrogate pair"),
    "a huge text": (lambda h: h["style"].update(title="a" * 10**5), "2000 letters at most, not 100000"),
    "a huge name": (lambda h: h.update(name="a" * 300), "header.name must be a text of 255 letters at most, not 300"),
    "a huge key": (lambda h: h["style"].update({"a" * 5000: "b"}), "printable text of 1 to 100 letters"),
    "many values": (of_run(more=[[0]] * 3000), "header.training has more than 5000 values"),
    "a list in place of a number": (of_run(iterations=[1]), "main.iterations must be a whole number from 0"),
    "a fraction of a step": (of_run(iterations=1.5), "main.iterations must be a whole number from 0"),
    "a style size to fill the memory": (
        of_run(style_size=10**9),
        "main.style_size must be a whole number from 1 to 8192",
    ),
    "a text for a weight": (of_run(style_weight="much"), "main.style_weight must be a finite number, not 'much'"),
    "means of nothing": (of_run(layer_means={"conv1_1": 0}), "layer_means.conv1_1 must be above 0"),
    "means that are texts": (of_run(layer_means={"conv1_1": "a"}), "layer_means.conv1_1 must be a finite number"),
    "a number for layers": (of_run(style_layers=3), "main.style_layers must be a list, not 3"),
    "a start that is a text": (of_run(started_from="great_wave"), "main.started_from must be an object"),
    "a deep value": (of_run(more=json.loads("[" * 40 + "]" * 40)), "nested deeper than 24"),
    "a number of thousands of digits": (of_run(seed=int("9" * 4000)), "is a whole number of more than 64 bits"),
    "another architecture": (lambda h: h.update(architecture="macro"), "architecture must be one of johnson, nano"),
    "channels of another architecture": (lambda h: h.update(architecture="nano"), "but nano at width 8 has 16"),
    "two blocks in one place": (lambda h: h.update(blocks=[h["blocks"][0]] * 9), "must stand before different places"),
}


def written(pack: StylePack, header: Header) -> Path:
    text = json.dumps(header).replace('"1e999"', "1e999")
    save_file(load_file(pack.file), pack.file, metadata={"stylefader": text})
    return pack.file


@pytest.mark.parametrize("case", HOSTILE)
def test_every_command_refuses_it_in_one_line(pack: StylePack, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    change, reason = HOSTILE[case]
    header = json.loads(json.dumps(asdict(pack.header)))
    change(header)
    file = written(pack, header)
    for command in ("show", "check"):
        assert run(["styles", command, str(file)]) == 2
        out, err = capsys.readouterr()
        assert reason in err
        assert out == "" and len(err.splitlines()) == 1 and err.rstrip("\n").isprintable() and len(err) < 600


def test_what_a_pack_may_say_is_shown(pack: StylePack, capsys: pytest.CaptureFixture[str]) -> None:
    header = json.loads(json.dumps(asdict(pack.header)))
    header["style"] = {"title": "Two", "0": {"title": "Left", "year": ""}, "more": "words"}
    header["training"] = {"main": {**RUN, "own": [1, {"a": None}, True]}, "blocks": {}, "hi": {"taken_from": "x"}}
    header["losses"] = {"photographs": 1, "alpha": [0], "content": [1], "style": [2], "style_at": {"-1": [3]}}
    file = written(pack, header)
    assert run(["styles", "check", str(file)]) == 0
    assert run(["styles", "show", str(file)]) == 0
    words = capsys.readouterr().out
    assert "trained main: iterations 3, style_weight 1.5" in words
    assert "at 0: title Left" in words
    assert run(["styles", "show", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["training"] == header["training"]


@pytest.mark.parametrize("missing", ["style_size", "pyramid", "sha256"])
def test_what_is_missing_is_said_by_who_needs_it(pack: StylePack, missing: str) -> None:
    header = json.loads(json.dumps(asdict(pack.header)))
    whole = {**RUN, "style_size": 64, "pyramid": 1, "style": {"sha256": "0"}}
    header["training"] = {"main": whole, "blocks": whole}
    assert looks(load_pack(written(pack, header)).header)[0].size == 64
    (whole if missing in whole else whole["style"]).pop(missing)  # type: ignore[attr-defined]
    loaded = load_pack(written(pack, header))
    with pytest.raises(TrainingError, match=f"does not say how it was trained .'{missing}' is missing"):
        looks(loaded.header)


def test_a_small_file_cannot_ask_for_gigabytes(pack: StylePack, capsys: pytest.CaptureFixture[str]) -> None:
    header = json.loads(json.dumps(asdict(pack.header)))
    header["width"] = 512  # whose network has 2.8 GB in float32
    for block, channels in zip(header["blocks"], (2048, 2048, 512), strict=True):
        block["channels"] = channels
    file = written(pack, header)
    assert run(["styles", "check", str(file)]) == 2
    assert "expected" in capsys.readouterr().err


def test_a_large_file_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = random_pack(tmp_path / "p.safetensors")
    save_pack(made)
    text = made.header.to_json()
    size = 50 * 2**30  # of holes, which take no place on the disk
    tensor = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    head = json.dumps({"__metadata__": {"stylefader": text}, "main.conv1.conv.weight": tensor}).encode()
    with made.file.open("wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        file.truncate(8 + len(head) + size)
    for command in ("show", "check"):
        assert run(["styles", command, str(made.file)]) == 2
        assert "bytes, more than the" in capsys.readouterr().err
    with made.file.open("wb") as file:
        file.write(struct.pack("<Q", 90_000_000))
        file.truncate(8 + 90_000_000)
    assert run(["styles", "check", str(made.file)]) == 2
    assert "its header has 90000000 bytes" in capsys.readouterr().err


@pytest.mark.parametrize("dtype", ["F16", "F32"])
def test_no_tensor_is_read_before_all_fit(tmp_path: Path, dtype: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = random_pack(tmp_path / "p.safetensors")
    header = json.loads(made.header.to_json())
    header["width"] = 512  # allows a file of some gigabytes
    size = 2 * 2**30
    tensor = {"dtype": dtype, "shape": [size // int(dtype[1:]) * 8], "data_offsets": [0, size]}
    head = json.dumps({"__metadata__": {"stylefader": json.dumps(header)}, "main.conv1.conv.weight": tensor}).encode()
    with made.file.open("wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        file.truncate(8 + len(head) + size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert run(["styles", "check", str(made.file)]) == 2
    assert "is not a style pack that fits" in capsys.readouterr().err
    for engine in ("openvino", "torch"):
        words = ("-o", "a.mp4", "--style", made.file, "--engine", engine)
        done = stylefader("render", demo_clip("bigbuckbunny"), *words, cwd=tmp_path)
        assert done.returncode == 2 and "is not a style pack that fits" in done.stderr
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < size // 2 // 1024


@pytest.mark.parametrize("dtype", [np.complex64, np.bool_, np.uint64, np.float64])
def test_tensors_of_odd_types_are_named(pack: StylePack, dtype: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tensors = load_file(pack.file)
    tensors["main.conv1.conv.weight"] = tensors["main.conv1.conv.weight"].astype(dtype)
    save_file(tensors, pack.file, metadata={"stylefader": pack.header.to_json()})
    assert run(["styles", "check", str(pack.file)]) == 2
    assert "expected F16 (float16)" in capsys.readouterr().err
    save_file({"\x1b[2J" * 200: np.zeros(1)}, pack.file, metadata={"stylefader": pack.header.to_json()})
    assert run(["styles", "check", str(pack.file)]) == 2
    err = capsys.readouterr().err
    assert err.rstrip("\n").isprintable() and len(err) < 600
