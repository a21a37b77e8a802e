"""The numeric path of a frame as one graph, which every engine compiles."""
