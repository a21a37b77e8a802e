"""Alpha from any signal: here a heartbeat made with NumPy moves the strength of a whole clip.

    python alpha_from_signal.py clip.mp4 heartbeat.mp4

The signal becomes keyframes, so the clip keeps its sound, its size and the time of every frame.
"""

import argparse

import numpy as np

import stylefader

RATE = 30
"""Values of the signal a second."""


def heartbeat(seconds: float, beats_a_minute: float = 72.0) -> np.ndarray:
    """Two bumps a beat, from 0 to 1: float64 (seconds * RATE,)."""
    phase = np.arange(int(seconds * RATE)) / RATE * beats_a_minute / 60 % 1
    signal = np.exp(-(((phase - 0.1) / 0.05) ** 2)) + 0.6 * np.exp(-(((phase - 0.35) / 0.07) ** 2))
    return np.clip(signal, 0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="A heartbeat moves the strength of a clip.")
    parser.add_argument("source")
    parser.add_argument("output")
    parser.add_argument("--style", default="great_wave_lite")
    parser.add_argument("--seconds", type=float, default=4.0, help="how much of the clip")
    parser.add_argument("--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"), help="another size than its own")
    words = parser.parse_args()
    signal = heartbeat(words.seconds)
    keyframes = " ".join(f"{number / RATE:.4f}s:{value:.3f}" for number, value in enumerate(signal))
    done = stylefader.render(
        words.source,
        words.output,
        style=words.style,
        alpha=keyframes,
        size=tuple(words.size) if words.size else None,
        stop=words.seconds,
        overwrite=True,
    )
    print(f"{done.output}: {done.frames} frames, {done.fps:.1f} a second")


if __name__ == "__main__":
    main()
