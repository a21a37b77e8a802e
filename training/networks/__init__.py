"""The networks: Johnson et al.'s main network and the Dynamic-Net around it."""

from stylefader.training.colour_numbers import COLOUR_MEAN, COLOUR_STD
from stylefader.training.networks.dynamic_net import ONE_BLOCK, THREE_BLOCKS, DynamicNet, NetworkKind
from stylefader.training.networks.main_network import MainNetwork

__all__ = ["COLOUR_MEAN", "COLOUR_STD", "ONE_BLOCK", "THREE_BLOCKS", "DynamicNet", "MainNetwork", "NetworkKind"]
