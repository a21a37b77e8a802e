"""What AdaIN's network is made of, as tables: its convolutions by name, and the length of its style vector.

Needs no torch. Packs check tensors by them, and the module `adain.py` is made of them.
"""

from __future__ import annotations

ADAIN = "adain"
"""The kind, the objective, and the place at which alpha works."""
ENCODER = (("conv1_1", 3, 64), ("conv1_2", 64, 64), ("conv2_1", 64, 128), ("conv2_2", 128, 128), ("conv3_1", 128, 256))
"""Name, inputs and outputs of each 3x3 convolution."""
POOLED = ("conv2_1", "conv3_1")
"""Those of the encoder that stand behind a 2x2 max pooling."""
DECODER = (("conv3_1", 256, 128), ("conv2_2", 128, 128), ("conv2_1", 128, 64), ("conv1_2", 64, 64), ("conv1_1", 64, 3))
"""The encoder backwards: each convolution takes what the encoder's of that name gives, and gives what it takes."""
ENLARGED = ("conv2_2", "conv1_2")
"""Those of the decoder that stand behind a nearest upsampling by 2."""
FEATURES = ENCODER[-1][2]
STYLE_SIZE = 2 * FEATURES
WIDTH = ENCODER[0][2]
