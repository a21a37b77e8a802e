# %% [markdown]
# # A slider for each block of a style
#
# Open this file in VS Code or with Jupytext, or paste its cells into a notebook. It needs `pip install ipywidgets`.

# %%
import sys

import ipywidgets
from IPython.display import display
from PIL import Image

import stylefader

PICTURE = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "photo.jpg"

# %%
style = stylefader.open("great_wave_lite")
frame = next(iter(stylefader.frames(PICTURE, size=(640, 360))))


# %%
def show(**alpha: float) -> None:
    """Stylize at these strengths, by the labels of the blocks, and show the picture."""
    display(Image.fromarray(style(frame, alpha=alpha)))


low, high = style.alpha_range
sliders = {
    label: ipywidgets.FloatSlider(style.alpha_default, min=low, max=high, step=0.05, description=label)
    for label in style.blocks
}
display(ipywidgets.VBox([*sliders.values(), ipywidgets.interactive_output(show, sliders)]))
