"""stylefader: ride the style of video like a fader."""

import logging

logging.getLogger(__name__).addHandler(logging.NullHandler())  # what a library logs is shown where a program says so
