"""An int8 form from anywhere costs only int8, whatever its graph is, and is tried once."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from stylefader.engines import open_engine
from stylefader.engines.base import Report, quiet
from stylefader.engines.graph.openvino_graph import convert
from stylefader.engines.int8.graph_check import check_graph
from stylefader.engines.int8.quantized import Fidelity, Quantized, QuantizedGraph, quantized_file
from stylefader.engines.selection import measuring
from stylefader.engines.selection.choice import Choice, choose
from stylefader.engines.selection.measured import FILE, Measured, Measurements
from stylefader.engines.subprocesses import start_worker
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack

STATED = Fidelity(photographs=1, size="32x32", alpha=(0.0, 1.0), psnr_db=(99.0, 99.0), worst_db=(99.0, 99.0))


def graph_of(model: ov.Model, tmp_path: Path) -> QuantizedGraph:
    xml = tmp_path / "made.xml"
    ov.save_model(model, xml, compress_to_fp16=True)
    return QuantizedGraph(xml=xml.read_bytes(), weights_bin=xml.with_suffix(".bin").read_bytes(), made={})


def put(pack: StylePack, graph: QuantizedGraph) -> None:
    Quantized(weights=pack.weights_hash(), graph=graph, fidelity=STATED).save(quantized_file(pack))


def proved(pack: StylePack | PackFile, folder: Path, report: Report = quiet) -> Measured:
    return measuring.prove(pack, "openvino", "int8", folder=folder, report=report)


def recall(pack: StylePack | PackFile, folder: Path) -> Measured | None:
    return Measurements(folder).proof(pack, "openvino", "int8")


def chosen(pack: StylePack, folder: Path) -> Choice:
    return choose(pack, 16, 16, precision="auto", least_db=32, folder=folder)


def frame_and_alpha(sides: int = -1) -> tuple[ov.Node, ov.Node]:
    return ops.parameter([sides, sides, 3], np.uint8), ops.parameter([3], np.float32)


def endless_loop() -> ov.Model:
    frame, alpha = frame_and_alpha()
    value = ops.parameter([3], np.float32)
    body = ov.Model([ops.constant(np.array([True])), ops.add(value, np.float32(1))], [value])
    loop = ops.loop(ops.constant(np.int64(-1)), ops.constant(np.array(True)))
    loop.set_function(body)
    loop.set_special_body_ports([-1, 0])
    loop.set_merged_input(value, alpha.output(0), body.get_results()[1].input_value(0))
    out = loop.get_iter_value(body.get_results()[1].input_value(0), -1)
    picture = ops.convert(ops.add(ops.convert(frame, np.float32), out), np.uint8)
    return ov.Model([picture], [frame, alpha])


def no_inputs() -> ov.Model:
    return ov.Model([ops.constant(np.zeros((8, 8, 3), np.uint8))], [])


def f32_output() -> ov.Model:
    frame, alpha = frame_and_alpha()
    return ov.Model([ops.add(ops.convert(frame, np.float32), alpha)], [frame, alpha])


def two_outputs() -> ov.Model:
    frame, alpha = frame_and_alpha()
    return ov.Model([ops.add(frame, np.uint8(1)), ops.add(frame, np.uint8(2))], [frame, alpha])


def other_alpha() -> ov.Model:
    frame = ops.parameter([-1, -1, 3], np.uint8)
    return ov.Model([ops.add(frame, np.uint8(1))], [frame, ops.parameter([7], np.float32)])


BAD: dict[str, tuple[Callable[[], ov.Model], str]] = {
    "an endless loop": (endless_loop, "has the operation 'Loop'"),
    "no inputs": (no_inputs, "takes nothing"),
    "a picture in f32": (f32_output, "gives FP32, not one picture of bytes"),
    "two pictures": (two_outputs, "gives U8, U8"),
    "another number of strengths": (other_alpha, r"takes u8 \(.*\) and f32 \(7\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_graph_that_our_quantiser_does_not_write_is_refused_unread(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    make, words = BAD[case]
    put(pack, graph_of(make(), tmp_path))
    monkeypatch.setattr(ov.Core, "read_model", lambda *_: pytest.fail("OpenVINO must not see it"))
    monkeypatch.setattr(measuring, "start_worker", lambda *_, **__: pytest.fail("not even in a worker"))
    with pytest.raises(EngineError, match=f"its graph {words}"):
        open_engine(pack, 16, 16, backend="openvino", precision="int8", cache_dir=tmp_path / "c")
    choice = chosen(pack, tmp_path / "c")
    assert [candidate.engine for candidate in choice.order] == ["openvino", "torch"], "only int8 is lost"
    assert "its graph" in " ".join(choice.reasons)


def good_graph(pack: StylePack, tmp_path: Path) -> QuantizedGraph:
    """Not quantised, which the quantiser's operations allow: the picture itself."""
    model = convert(pack, 16, 16)
    model.reshape({0: ov.PartialShape([-1, -1, 3])})
    return graph_of(model, tmp_path)


def test_a_form_that_is_what_it_says_is_tried_once(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(pack, good_graph(pack, tmp_path))
    said: list[str] = []
    assert recall(pack, tmp_path / "c") is None
    proof = proved(PackFile(pack.file), tmp_path / "c", said.append)
    assert proof.problem == "" and proof.psnr_db > 40
    assert said == ["trying openvino int8 with random once"]
    monkeypatch.setattr(measuring, "start_worker", None)
    assert proved(pack, tmp_path / "c", said.append) == proof and len(said) == 1
    other = random_pack(tmp_path / "other.safetensors", seed=3)
    put(other, good_graph(other, tmp_path))
    assert recall(other, tmp_path / "c") is None, "another form is proved for itself"


def test_a_form_of_another_pack_loses_what_it_states(pack: StylePack, tmp_path: Path) -> None:
    """It states the right weights and 99 dB; its picture is another one."""
    put(pack, good_graph(random_pack(tmp_path / "o.safetensors", seed=9), tmp_path))
    proof = proved(pack, tmp_path / "c")
    assert proof.psnr_db < 22
    choice = chosen(pack, tmp_path / "c")
    assert [str(candidate).split()[0] for candidate in choice.order] == ["openvino", "torch"]
    assert f"openvino int8 holds {proof.psnr_db + 8:.1f} dB with this style, less than 32" in choice.reasons


@pytest.mark.parametrize("how", ["crash", "hang", "silent"])
def test_a_worker_that_crashes_or_hangs_costs_only_int8(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    put(pack, good_graph(pack, tmp_path))
    real, started = start_worker, []

    def other(module: str, order: str, **streams: object) -> object:
        started.append(module)
        return real("tests.engines.building.bad_worker", how, **streams)  # type: ignore[arg-type]

    monkeypatch.setattr(measuring, "start_worker", other)
    monkeypatch.setattr(measuring, "TIMEOUTS_S", {False: 2.0})
    said: list[str] = []
    first = proved(pack, tmp_path / "c", said.append)
    words = {"crash": "its process ended with SIGSEGV", "hang": "no answer within 2 s",
             "silent": "its process ended with exit code 0"}  # fmt: skip
    assert words[how] in first.problem
    assert said[1:] == [f"openvino int8 is not used with random: {first.problem}"]
    assert proved(pack, tmp_path / "c", said.append) == first and len(started) == 1, "remembered"
    with pytest.raises(EngineError, match="does not use int8 with random"):
        open_engine(pack, 16, 16, backend="openvino", precision="int8", cache_dir=tmp_path / "c")
    assert open_engine(pack, 16, 16, cache_dir=tmp_path / "c")[0].name == "openvino"


@pytest.mark.parametrize("broken", ["{", "[]", "null", '{"x": 3}'])
def test_a_broken_file_of_proofs_counts_as_empty(pack: StylePack, tmp_path: Path, broken: str) -> None:
    put(pack, good_graph(pack, tmp_path))
    (tmp_path / "c").mkdir(mode=0o700)
    (tmp_path / "c" / FILE).write_text(broken)
    assert recall(pack, tmp_path / "c") is None


def test_a_folder_that_cannot_be_written_remembers_for_this_process(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(pack, good_graph(pack, tmp_path))
    (tmp_path / "file").touch()
    row = Measured(engine="openvino", asked="int8", precision="int8", height=96, width=160, psnr_db=50.0)
    monkeypatch.setattr(measuring.Measuring, "prove", lambda *_: row)
    assert proved(pack, tmp_path / "file" / "c") == row
    monkeypatch.setattr(measuring.Measuring, "prove", None)
    assert proved(pack, tmp_path / "file" / "c") == row


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b'<?xml version="1.0"?>', b"<!DOCTYPE x [<!ENTITY a 'b'>]>"), "declares entities"),
        ((b"</net>", b""), "is no XML"),
        ((b"</net>", b"</net>" + b" " * (5 << 20)), "more than this network can need"),
        ((b'type="MVN" version="opset6"', b'type="MVN" version="mine"'), "has the operation 'MVN'"),
        ((b'type="MVN"', b'type="If"'), "has the operation 'If'"),
        ((b'offset="0"', b'offset="999999999"'), "that its weights do not hold"),
        ((b'offset="0"', b'offset="-8"'), "has a constant of"),
        ((b'offset="0"', b'offset="none"'), "not as OpenVINO writes them"),
    ],
)
def test_a_spoilt_graph_is_refused(pack: StylePack, tmp_path: Path, change: tuple[bytes, bytes], words: str) -> None:
    graph = good_graph(pack, tmp_path)
    check_graph(graph.xml, graph.weights_bin, pack.header)
    spoilt = graph.xml.replace(change[0], change[1], 1)
    assert spoilt != graph.xml
    with pytest.raises(EngineError, match=words):
        check_graph(spoilt, graph.weights_bin, pack.header)
    with pytest.raises(EngineError, match="that its weights do not hold"):
        check_graph(graph.xml, graph.weights_bin[:50], pack.header)


def test_a_graph_in_another_encoding_is_refused(pack: StylePack) -> None:
    graph = '<!DOCTYPE a [<!ENTITY b "c">]><net><layers><layer type="Loop"/></layers></net>'
    with pytest.raises(EngineError, match="not XML in UTF-8"):
        check_graph(graph.encode("utf-16"), b"", pack.header)


@pytest.mark.parametrize("spoil", ["huge header", "folder", "huge"])
def test_a_file_of_any_kind_is_refused_in_bounded_time(pack: StylePack, tmp_path: Path, spoil: str) -> None:
    file = quantized_file(pack)
    if spoil == "folder":
        file.mkdir()
    elif spoil == "huge":
        with file.open("wb") as holes:
            holes.truncate(50 * 2**30)
    else:
        file.write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    tracemalloc.start()
    choice = chosen(pack, tmp_path / "c")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [candidate.engine for candidate in choice.order] == ["openvino", "torch"]
    assert spoil != "huge" or most < 2**24


def test_a_pack_in_memory_is_tried_as_well(tmp_path: Path) -> None:
    pack = random_pack(tmp_path / "memory.safetensors", places=())
    save_pack(pack)
    model = convert(pack, 16, 16)
    model.reshape({0: ov.PartialShape([-1, -1, 3])})
    put(pack, graph_of(model, tmp_path))
    pack.file.unlink()
    assert proved(replace(pack), tmp_path / "c").psnr_db > 40
