"""A folder of pictures into another folder, each at its own size, at one strength.

python folder_of_pictures.py holidays/ painted/ --style starry_night --alpha 0.8
"""

import argparse
from pathlib import Path

from PIL import Image

import stylefader

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}


def main() -> None:
    parser = argparse.ArgumentParser(description="A folder of pictures into another folder.")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--style", default="starry_night")
    parser.add_argument("--alpha", type=float, default=0.8)
    words = parser.parse_args()
    words.target.mkdir(parents=True, exist_ok=True)
    files = sorted(file for file in words.source.iterdir() if file.suffix.lower() in ENDINGS)
    with stylefader.open(words.style) as style:  # no size: pictures of any size
        for file in files:
            for frame in stylefader.frames(file):  # upright, in RGB, whatever the file holds
                picture = style(frame, alpha=words.alpha)
                Image.fromarray(picture).save(words.target / f"{file.stem}.png")
                print(f"{file.name}: {frame.width}x{frame.height}")
                break


if __name__ == "__main__":
    main()
