"""Reads a legacy PyTorch checkpoint (before the zip format of 1.6) into numpy arrays.

PyTorch itself is not needed: the file is five pickles in a row (magic number, protocol
version, system facts, the state dict, the list of storage keys) followed by the raw
storages. Only the few names a state dict needs are resolved; anything else in the
pickle is refused, so a checkpoint cannot run code here.
"""

from __future__ import annotations

import collections
import pickle
import struct
from pathlib import Path

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
"""First pickle of every legacy checkpoint."""

PROTOCOL = 1001
"""Second pickle: the only version of the legacy layout that was ever written."""

DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
}


class _Storage:
    """A run of numbers that tensors are views of; filled after the state dict is read."""

    def __init__(self, dtype: np.dtype, length: int) -> None:
        self.dtype = dtype
        self.length = length
        self.values: np.ndarray | None = None


class _Tensor:
    """A view of a storage, resolved once the storages have been read."""

    def __init__(self, storage: _Storage, offset: int, shape: tuple, strides: tuple) -> None:
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.strides = strides

    def array(self) -> np.ndarray:
        values = self.storage.values
        if values is None:
            raise ValueError("the checkpoint names a storage that it does not hold")
        item = values.dtype.itemsize
        view = np.lib.stride_tricks.as_strided(
            values[self.offset :],
            shape=self.shape,
            strides=tuple(step * item for step in self.strides),
        )
        return np.array(view)


def _rebuild_tensor(storage, offset, shape, strides, *_unused):
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, storages: dict[str, _Storage]) -> None:
        super().__init__(file, encoding="utf-8")
        self._storages = storages

    def find_class(self, module: str, name: str):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"a state dict has no need of {module}.{name}")

    def persistent_load(self, pid):
        kind, dtype, key, _device, length, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"expected a plain storage, found {pid!r}")
        return self._storages.setdefault(key, _Storage(dtype, length))


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """The tensors of the checkpoint by name, in its own order."""
    storages: dict[str, _Storage] = {}
    with open(path, "rb") as file:
        magic, protocol, _system = (_Unpickler(file, storages).load() for _ in range(3))
        if magic != MAGIC or protocol != PROTOCOL:
            raise ValueError(f"{path} is no legacy PyTorch checkpoint (magic {magic:#x})")
        state = _Unpickler(file, storages).load()
        keys = _Unpickler(file, storages).load()
        for key in keys:
            storage = storages[key]
            (length,) = struct.unpack("<q", file.read(8))
            if length != storage.length:
                raise ValueError(f"storage {key} holds {length} numbers, expected {storage.length}")
            raw = file.read(length * storage.dtype.itemsize)
            storage.values = np.frombuffer(raw, dtype=storage.dtype)
    return {name: tensor.array() for name, tensor in state.items()}
