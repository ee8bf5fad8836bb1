"""ONNX graphs of vision-language models and encoders, written node by node from `transformers` modules."""
