"""A stranger's ONNX file: read as data, bounded before anything of it is computed."""
