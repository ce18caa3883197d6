"""Files that are no table at all, each the smallest of its kind."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
import zipfile
from typing import Any, ClassVar

import numpy as np

TEXT = b"the 1 2\nnew-york 3 4\n"
WORDS = ["the", "new york"]
VECTORS = np.array([[1, 2], [3, 4]], np.float32)
TABLE: dict[str, list[float]] = {"the": [1, 2], "new york": [3, 4]}
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 862182613\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>404 Not\n Found</title></head><body><h1>404</h1></body></html>\n"
NGINX = b"<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n</body>\r\n</html>\r\n"
S3 = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.'
    b"</Message><Key>glove.zip</Key></Error>"
)
SENTENCEPIECE = b"\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02\n\x0c\n\x03<s>\x15\0\0\0\0\x18\x03"
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x10\n\x03abc"
SAVED_MODEL = b"\x08\x01\x12\x90\x03\n\x10\n\0" + bytes(20)
MATLAB = b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\1IM" + bytes(40)


def tar_of(members: dict[str, bytes]) -> bytes:
    """Return a tar archive."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def zip_with(*names: str, content: bytes = b"x") -> bytes:
    """Return a zip of members with these names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


class Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings."""

    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)

    def save_old_string(self, value: bytes) -> None:
        if len(value) < 256:
            self.write(b"U" + bytes((len(value),)) + value)  # type: ignore[attr-defined]
        else:
            self.write(b"T" + struct.pack("<i", len(value)) + value)  # type: ignore[attr-defined]
        self.memoize(value)  # type: ignore[attr-defined]

    dispatch[bytes] = save_old_string


def python2_pickle(value: Any) -> bytes:
    """Return a pickle as Python 2 wrote it with protocol 2; bytes are its strings."""
    file = io.BytesIO()
    Python2Pickler(file, 2).dump(value)
    return file.getvalue()


def numbers_of(vectors: np.ndarray[Any, Any], kind: str) -> bytes:
    """Return numbers one after the other."""
    return vectors.astype(kind).tobytes()
