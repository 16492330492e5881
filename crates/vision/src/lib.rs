//! Picture bytes to verdict: decode, prepare, run ONNX, judge; reads model packages.
