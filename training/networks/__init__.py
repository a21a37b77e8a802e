"""The networks: Johnson et al.'s main network and the Dynamic-Net around it."""
