from __future__ import annotations

import pytest
import torch

from stylefader.training.compute import Compute, Numbers, choose_compute, choose_numbers, find_device, prepare
from stylefader.training.errors import TrainingError
from stylefader.training.losses.perceptual import gram
from stylefader.training.settings import Precision


@pytest.mark.parametrize(
    ("precision", "on_gpu", "bf16", "numbers"),
    [
        ("auto", False, False, "f32"),
        ("auto", False, True, "bf16"),
        ("auto", True, False, "fp16"),
        ("auto", True, True, "bf16"),
        ("f32", False, True, "f32"),
        ("f32", True, True, "f32"),
        ("bf16", False, False, "bf16"),
        ("bf16", True, True, "bf16"),
        ("fp16", True, True, "fp16"),
    ],
)
def test_auto_takes_the_fastest_numbers_that_the_device_has(
    precision: Precision, on_gpu: bool, bf16: bool, numbers: Numbers
) -> None:
    assert choose_numbers(precision, on_gpu=on_gpu, bf16=bf16) == numbers


def test_numbers_that_the_device_has_not_are_refused() -> None:
    with pytest.raises(TrainingError, match="fp16 needs a GPU"):
        choose_compute("fp16", torch.device("cpu"))
    with pytest.raises(TrainingError, match="this GPU has no bf16"):
        choose_numbers("bf16", on_gpu=True, bf16=False)


@pytest.mark.parametrize(("capability", "numbers"), [((7, 5), "fp16"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_a_gpu_is_asked_what_it_multiplies_itself(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], numbers: Numbers
) -> None:
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: capability)
    compute = choose_compute("auto", torch.device("cuda", 0))
    assert compute.numbers == numbers


@pytest.mark.parametrize(("numbers", "dtype"), [("f32", torch.float32), ("bf16", torch.bfloat16)])
def test_products_take_the_numbers_and_the_scaler_only_those_of_fp16(numbers: Numbers, dtype: torch.dtype) -> None:
    compute = Compute(numbers=numbers)
    with compute.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
    assert not compute.scaler().is_enabled()
    assert Compute(numbers="fp16").scaler().is_enabled()


@pytest.mark.parametrize(
    ("word", "gpus", "rank", "size", "device"),
    [
        ("auto", 0, 0, 1, "cpu"),
        ("auto", 0, 1, 2, "cpu"),
        ("cpu", 4, 1, 2, "cpu"),
        ("auto", 2, 0, 1, "cuda:0"),
        ("auto", 2, 1, 2, "cuda:1"),
        ("cuda", 8, 5, 8, "cuda:5"),
        ("cuda:1", 2, 0, 1, "cuda:1"),
    ],
)
def test_each_process_has_a_device_of_its_own(
    monkeypatch: pytest.MonkeyPatch, word: str, gpus: int, rank: int, size: int, device: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    assert find_device(word, local_rank=rank, local_size=size) == torch.device(device)


@pytest.mark.parametrize(
    ("word", "gpus", "rank", "size", "said"),
    [
        ("gpu", 1, 0, 1, "auto, cpu, cuda"),
        ("cpu:0", 1, 0, 1, "auto, cpu, cuda"),
        ("cuda:x", 1, 0, 1, "auto, cpu, cuda"),
        ("cuda:", 1, 0, 1, "auto, cpu, cuda"),
        ("cuda", 0, 0, 1, "there is no cuda: this machine has no GPUs"),
        ("cuda:3", 2, 0, 1, "there is no cuda:3: this machine has 2 GPUs"),
        ("auto", 1, 1, 2, "2 processes want a GPU each: this machine has 1 GPU"),
        ("cuda:0", 2, 1, 2, "cuda:0 is one GPU for 2 processes"),
    ],
)
def test_devices_that_are_not_there_are_refused(
    monkeypatch: pytest.MonkeyPatch, word: str, gpus: int, rank: int, size: int, said: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    with pytest.raises(TrainingError, match=said):
        find_device(word, local_rank=rank, local_size=size)


def test_grams_of_fp16_stay_within_its_range() -> None:
    features = 4 * torch.rand((1, 8, 192, 192), generator=torch.Generator().manual_seed(0))
    found = gram(features.half())
    assert found.dtype == torch.float16
    torch.testing.assert_close(found.float(), gram(features), rtol=0.01, atol=0)


def test_a_gpu_may_take_tf32_for_what_stays_f32(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {
        (torch.backends.cuda.matmul, "fp32_precision"): torch.backends.cuda.matmul.fp32_precision,
        (torch.backends.cudnn.conv, "fp32_precision"): torch.backends.cudnn.conv.fp32_precision,
        (torch.backends.cudnn, "benchmark"): torch.backends.cudnn.benchmark,
    }
    used: list[torch.device] = []
    monkeypatch.setattr("torch.cuda.set_device", used.append)
    try:
        prepare(torch.device("cpu"))
        assert not used
        prepare(torch.device("cuda", 1))
        assert used == [torch.device("cuda", 1)]
        assert [getattr(*place) for place in kept] == ["tf32", "tf32", True]
    finally:
        for (module, name), value in kept.items():
            setattr(module, name, value)
