"""Fine-tuning: the loop, its checkpoints, and going on where a run was stopped."""
