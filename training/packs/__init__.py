"""Style packs: the file, its header, its tensors, and those that come with stylefader."""
