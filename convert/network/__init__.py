"""The Keras file: loaded, in plain float, cut before its softmax, fitted to devices."""
