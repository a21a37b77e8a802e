"""Which packages are installed: one, `stylefader`, with the four rooms below it. All else stands in pyproject.toml."""

from setuptools import find_packages, setup

ROOMS = ("engines", "realtime", "tools", "training")

setup(
    packages=[
        "stylefader",
        *(f"stylefader.{name}" for room in ROOMS for name in find_packages(include=[room, f"{room}.*"])),
    ],
    package_dir={"stylefader": "stylefader", **{f"stylefader.{room}": room for room in ROOMS}},
)
