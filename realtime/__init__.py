"""The frame path, live and offline: sources, sinks, and what stands between them."""

import cv2 as _cv2  # noqa: F401  # before av, whose libxcb else gets between Qt and the display: no window would open
