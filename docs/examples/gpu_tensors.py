"""Frames that are on the GPU already, stylized there: no copy to the host and none back.

It needs an NVIDIA GPU with PyTorch. Here PyTorch makes the frames itself, a field of moving waves; a decoder or a
simulation that speaks DLPack would hand its own over in the same way.

    python gpu_tensors.py
"""

import argparse
import sys
import time

import torch

import stylefader


def main() -> None:
    parser = argparse.ArgumentParser(description="Frames on the GPU, stylized there.")
    parser.add_argument("--style", default="great_wave")
    parser.add_argument("--frames", type=int, default=300)
    words = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("this example needs an NVIDIA GPU")
    height, width = 720, 1280
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    y, x = y.cuda(), x.cuda()
    with stylefader.open(words.style, size=(width, height), engine="cuda") as style:
        out = torch.empty(height, width, 3, dtype=torch.uint8, device="cuda")
        alpha = torch.zeros(len(style.blocks), device="cuda")
        began = time.perf_counter()
        for number in range(words.frames):
            waves = torch.sin(x / 40 + number / 10) + torch.cos(y / 30 - number / 15)
            frame = ((waves + 2) / 4 * 255).to(torch.uint8)[..., None].expand(height, width, 3)
            alpha.fill_(0.5 + 0.5 * torch.sin(torch.tensor(number / 30)))
            style(frame, alpha=alpha, out=out)
        torch.cuda.synchronize()
        print(f"{words.frames / (time.perf_counter() - began):.0f} frames a second, mean {out.float().mean():.1f}")


if __name__ == "__main__":
    main()
