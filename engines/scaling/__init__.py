"""Running a network at another size inside the frame, and bringing its picture back to the frame's size."""
