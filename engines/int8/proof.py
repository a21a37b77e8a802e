"""Tests an int8 form beside a pack once, in another process, and remembers the result.

The form states itself which weights it was made from and how near its pictures come; that statement may be false. So we
compare the pictures of its graph with those of the pack's own weights. A worker with a limit of time and memory
compiles and runs it. If the form fails, crashes the worker or takes too long, int8 is not used.
"""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylefader.engines.base import Report
from stylefader.engines.cache.folder import folder_problem, may_read, read_file
from stylefader.engines.cache.key import code_hash, version_of
from stylefader.engines.int8.quantized import find_quantized, quantized_file, read_form
from stylefader.engines.machine import identity as machine
from stylefader.engines.subprocesses import end_worker, start_worker
from stylefader.training.errors import EngineError
from stylefader.training.files import written_whole

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

FILE = "int8.json"
TIMEOUT_S = 120.0
"""For two seconds of work, on a machine that may be very busy."""
LEAVE_DB = 8.0
"""How many dB lower the PSNR may be on the synthetic test picture, which is much harder than photographs."""
_LARGEST_FILE = 1 << 20
_this_process: dict[tuple[Path, str], Proof] = {}
"""Results that could not be written to the folder."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """psnr_db: what the form holds: what it states, or what it showed here where that is much less.

    problem: why it is not used, in words; empty where it is good.
    """

    psnr_db: float = 0.0
    problem: str = ""


def recall(pack: StylePack | PackFile, folder: Path) -> Proof | None:
    """What is remembered of a pack's int8 form; None where it was not tried yet. Raises EngineError: there is none."""
    digest = _digest(pack)
    row = _document(folder).get(digest)
    if isinstance(row, dict):
        with suppress(TypeError, ValueError):
            proof = Proof(**row)
            if isinstance(proof.problem, str) and 0 <= float(proof.psnr_db) < math.inf:
                return proof
    return _this_process.get((folder, digest))


def proved(pack: StylePack | PackFile, folder: Path, report: Report) -> Proof:
    """What is remembered, and else the form tried now, which takes some seconds; `report` is told, also when it fails.

    folder: of the cache. Raises EngineError where there is no int8 form.
    """
    proof = recall(pack, folder)
    if proof is not None:
        return proof
    report(f"trying the int8 form of {pack.header.name} once")
    digest = _digest(pack)
    try:
        found = find_quantized(pack)
        assert found is not None
        measured = _try(pack)
        proof = Proof(psnr_db=round(min(found.psnr_db, measured + LEAVE_DB), 2))
    except EngineError as error:
        proof = Proof(problem=str(error))
    _remember(folder, digest, proof)
    if proof.problem:
        report(f"int8 is not used with {pack.header.name}: {proof.problem}")
    return proof


def forget(pack: StylePack | PackFile, folder: Path) -> None:
    """Have the form tried again the next time."""
    with suppress(EngineError, OSError):
        digest = _digest(pack)
        _this_process.pop((folder, digest), None)
        document = _document(folder)
        if document.pop(digest, None) is not None:
            _write(folder, document)


def share(folder: Path, other: Path) -> None:
    """Have what one cache folder remembers known in another."""
    document = _document(folder)
    document.update({digest: asdict(proof) for (where, digest), proof in _this_process.items() if where == folder})
    if document and not folder_problem(other):
        with suppress(OSError):
            _write(other, document)


def _try(pack: StylePack | PackFile, *, timeout_s: float | None = None) -> float:
    """The PSNR that the form holds here, by a worker. Raises EngineError with what went wrong."""
    from stylefader.training.packs.pack_file import PackFile

    timeout_s = TIMEOUT_S if timeout_s is None else timeout_s
    with tempfile.TemporaryDirectory(prefix="stylefader-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        # Copies, so that what is tried is what was looked at.
        file = scratch / "pack.safetensors"
        quantized_file(file).write_bytes(read_form(pack))
        if isinstance(pack, PackFile):
            pack.copy_to(file)
        else:
            from dataclasses import replace

            from stylefader.training.packs.pack import save_pack

            save_pack(replace(pack, file=file))
        answer = scratch / "answer"
        order = {"pack": str(file), "answer": str(answer), "scratch": name, "seconds": math.ceil(timeout_s)}
        with (scratch / "words.txt").open("w+", errors="replace") as words:
            worker = start_worker("stylefader.engines.int8.proof_worker", json.dumps(order), stdout=words, stderr=words)
            try:
                worker.wait(timeout_s)
            except subprocess.TimeoutExpired as error:
                raise EngineError(f"its int8 form did not come to an end within {timeout_s:.0f} s") from error
            finally:
                end_worker(worker, with_children=True)
        try:
            said: Any = json.loads(answer.read_bytes())
            if "error" in said:
                raise EngineError(str(said["error"]))
            psnr_db = float(said["psnr_db"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineError(f"its int8 form ended the process that tried it ({worker.returncode})") from error
    if not psnr_db >= 0:
        raise EngineError("its int8 form gives no picture")
    return psnr_db


def _digest(pack: StylePack | PackFile) -> str:
    """Over everything that makes a proof another one. Raises EngineError where there is no form that can be read."""
    parts = [
        hashlib.sha256(read_form(pack)).hexdigest(), pack.weights_hash(), version_of("openvino"), machine.cpu_name(),
        code_hash(),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _document(folder: Path) -> dict[str, Any]:
    try:
        if may_read(folder):
            return dict(json.loads(read_file(folder / FILE, largest=_LARGEST_FILE)))
    except (OSError, ValueError, TypeError, RecursionError):
        pass  # none yet, or broken
    return {}


def _remember(folder: Path, digest: str, proof: Proof) -> None:
    try:
        if problem := folder_problem(folder):
            raise OSError(problem)
        _write(folder, {**_document(folder), digest: asdict(proof)})
    except OSError:
        _this_process[folder, digest] = proof


def _write(folder: Path, document: dict[str, Any]) -> None:
    with written_whole(folder / FILE) as file:
        file.write(json.dumps(document, indent=1).encode())
