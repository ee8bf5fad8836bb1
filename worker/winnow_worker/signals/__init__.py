"""What is measured by running a model: passes, one file a signal family, and the engine that shares forward passes."""
