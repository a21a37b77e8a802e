from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stylefader.training.errors import TrainingError
from stylefader.training.files import load_tensors, written_whole


def test_a_file_is_there_when_it_is_finished_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / ("長" * 82 + ".bin")  # 250 bytes, which is a legal name
    with written_whole(path) as file:
        file.write(b"first")
        assert not path.exists()
    with pytest.raises(ZeroDivisionError), written_whole(path) as file:
        file.write(b"second" * (1 // 0))
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_tensors_come_back_and_nothing_else_does(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "good.pt")
    assert torch.equal(load_tensors(tmp_path / "good.pt", what="thing")["a"], torch.ones(2))
    torch.save(Path, tmp_path / "code.pt")  # a pickle that would import something
    for name in ("code.pt", "none.pt"):
        with pytest.raises(TrainingError, match="thing") as caught:
            load_tensors(tmp_path / name, what="thing")
        assert "weights_only" not in str(caught.value)


def test_whoever_only_writes_files_does_not_wait_for_torch() -> None:
    code = "import sys, training.files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
