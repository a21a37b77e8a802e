from __future__ import annotations

import openvino as ov
import pytest
import torch

from stylefader.engines.machine.processor import capabilities, cpu_precisions
from stylefader.engines.selection.peak_rates import (
    _convolutions,
    convolution_precisions,
    multiply_add_rates,
    openvino_rate,
)


def test_int8_is_really_computed_in_int8() -> None:
    for quantised, expected in ((True, {"u8", "i8"}), (False, {"f32"})):
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = ov.Core().compile_model(_convolutions(16, 16, quantised=quantised), "CPU", settings)
        found = convolution_precisions(compiled)
        assert found and found <= expected


def test_rates_are_the_best_of_all_that_were_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "stylefader.engines.selection.peak_rates.openvino_rate",
        lambda precision, channels, side: {"f32": 1e18}.get(precision),
    )
    rates = multiply_add_rates(("f32", "int8"), shapes=((8, 16),), matrix=16)
    assert rates == {"f32": 1e18}, "int8 that this processor does not compute is left out"
    monkeypatch.setattr("stylefader.engines.selection.peak_rates.openvino_rate", lambda precision, channels, side: 1.0)
    assert multiply_add_rates(("f32",), shapes=((8, 16),), matrix=16)["f32"] > 1


def test_a_precision_that_is_not_computed_has_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (openvino_rate("int8", 16, 16) or 0) > 0
    monkeypatch.setattr("stylefader.engines.selection.peak_rates.convolution_precisions", lambda compiled: {"f32"})
    assert openvino_rate("int8", 16, 16) is None


def test_bf16_is_not_measured_where_the_processor_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def torch_rate(dtype: torch.dtype, *shape: int) -> float:
        measured.append(str(dtype))
        return 1.0

    monkeypatch.setattr("stylefader.engines.machine.processor.capabilities", lambda: capabilities() - {"BF16"})
    monkeypatch.setattr("stylefader.engines.selection.peak_rates._torch_products", torch_rate)
    monkeypatch.setattr("stylefader.engines.selection.peak_rates._torch_convolutions", torch_rate)
    rates = multiply_add_rates(("f32", "bf16"), shapes=((8, 16),), matrix=16)
    assert rates.keys() == {"f32"}
    assert set(measured) == {"torch.float32"}, "torch computes bf16 there as well, in minutes"
    assert openvino_rate("bf16", 8, 16) is None
    assert cpu_precisions(("bf16", "f32", "int8")) == ("f32", "int8")


def test_bf16_is_measured_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylefader.engines.machine.processor.capabilities", lambda: frozenset({"BF16", "FP32"}))
    monkeypatch.setattr("stylefader.engines.selection.peak_rates.openvino_rate", lambda precision, channels, side: None)
    monkeypatch.setattr("stylefader.engines.selection.peak_rates._torch_products", lambda dtype, side: 2.0)
    monkeypatch.setattr(
        "stylefader.engines.selection.peak_rates._torch_convolutions", lambda dtype, channels, side: 3.0
    )
    assert multiply_add_rates(("f32", "bf16")) == {"f32": 3.0, "bf16": 3.0}
