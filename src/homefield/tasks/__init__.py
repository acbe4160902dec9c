"""What is learned, one file each: roles it reads, head, loss, outputs, metric, baseline and margin."""
