"""How it is learned: recipe, loop, batches, optimiser, checkpoint, distributed, trackers."""
