"""Winnow's Python worker: what needs PyTorch runs here; TypeScript plans, the worker does."""
