"""Flatbuffers: made of a Keras network, read, and exported as ONNX."""
