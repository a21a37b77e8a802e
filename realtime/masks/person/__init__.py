"""The person in front of the camera as a mask: a segmentation network, steadied over time, its edges on the frame's."""
