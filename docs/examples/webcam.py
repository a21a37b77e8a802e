"""Your webcam as a painting, with OpenCV. Keys: + and - move the strength, q quits.

pip install stylefader
python webcam.py              # the first camera
python webcam.py 1            # the second one; a file's name works as well
"""

import argparse
import sys

import cv2

import stylefader


def main() -> None:
    parser = argparse.ArgumentParser(description="Your webcam as a painting.")
    parser.add_argument("camera", nargs="?", default="0", help="a camera's number, or a video file")
    parser.add_argument("--style", default="great_wave_lite")
    words = parser.parse_args()
    camera = cv2.VideoCapture(int(words.camera) if words.camera.isdigit() else words.camera)
    if not camera.isOpened():
        sys.exit(f"there is no camera {words.camera}")
    alpha = 0.5
    with stylefader.open(words.style, size=(640, 360)) as style:
        while True:
            there, frame = camera.read()
            if not there:
                break
            rgb = cv2.cvtColor(cv2.resize(frame, (640, 360)), cv2.COLOR_BGR2RGB)
            picture = style(rgb, alpha=alpha)
            cv2.imshow(words.style, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            key = cv2.waitKey(1)
            if key == ord("q"):
                break
            if key in (ord("+"), ord("-")):
                alpha = min(max(alpha + (0.1 if key == ord("+") else -0.1), 0.0), 1.0)
    camera.release()


if __name__ == "__main__":
    main()
