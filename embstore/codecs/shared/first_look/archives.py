"""Archives of files: tar, zips that are something else than vectors, and what is packed twice."""

from __future__ import annotations

from pathlib import Path

from embstore.codecs.shared.first_look.first_bytes import FirstBytes
from embstore.core.cures import cure, python, shell
from embstore.files.unpacking import compression_of

TAR_HEADER = 512
CHECKSUM = slice(148, 156)
KERAS_WEIGHTS = "model.weights.h5"


def tar(look: FirstBytes) -> str | None:
    """Name a tar archive by the checksum of its first header, which no other file has."""
    head = look.head
    if not _is_tar(head):
        return None
    first = head[:100].partition(b"\0")[0].decode("utf-8", "replace")
    about = f"a tar archive, whose first member is {first[:100]!r}, not {look.expected}"
    if look.packing == "zip":
        return f"{about}: unpack it"
    return f"{about}: " + cure("tar", f"{shell('tar', '-xf', look.path)} unpacks it")


def _is_tar(head: bytes) -> bool:
    field = head[CHECKSUM].strip(b" \0")
    if len(head) < TAR_HEADER or not 1 <= len(field) <= 7 or not all(48 <= digit < 56 for digit in field):
        return False
    header = head[:TAR_HEADER]
    if not head[0] or 0 not in header:
        return False
    blank = header[: CHECKSUM.start] + b" " * 8 + header[CHECKSUM.stop :]
    return sum(blank) == int(field, 8)


def packed_twice(look: FirstBytes) -> str | None:
    """Name what is packed within a packed file, except formats that are zips themselves."""
    inner = compression_of(look.head) if look.packing and not look.known else ""
    if not inner:
        return None
    suffix = look.path.with_name(look.content_name).suffix
    target = look.path.with_name(look.content_name) if suffix else look.path.with_name(f"{look.content_name}.{inner}")
    return f"{inner} within {look.packing}, expected {look.expected}: {look.unpacking(target)}"


def packed_words(look: FirstBytes) -> str | None:
    """Name a packed list of words."""
    packing = compression_of(look.head) if look.role == "words" and not look.packing else ""
    if not packing:
        return None
    packed = FirstBytes(look.path, b"", packing=packing)
    name = packed.content_name if packed.content_name != look.path.name else f"{look.path.name}.txt"
    return f"packed by {packing}, expected a list of words: {packed.unpacking(look.path.with_name(name))}"


def by_members(path: Path, names: list[str]) -> str | None:
    """Name a zip that holds something else than vectors, by the names of its members."""
    known = set(names)
    if any(name.endswith("/constants.pkl") for name in names) and any("/code/" in name for name in names):
        target = path.with_name(f"{path.stem}.tensors{path.suffix}")
        code = f"import torch; torch.save(torch.jit.load({str(path)!r}).state_dict(), {str(target)!r})"
        return "a TorchScript archive, which has code beside its tensors. " + cure(
            "torchscript", f"Where you trust it, {python(code)} saves the tensors alone"
        )
    if any(name.endswith("/archive_format") for name in names):
        return "a program that torch.export saved, not a table: save the state_dict of the model by torch.save"
    if {"config.json", KERAS_WEIGHTS} <= known:
        weights = cure("keras", f"{shell('unzip', path, KERAS_WEIGHTS)} unpacks its weights, which are HDF5")
        return f"a model that Keras saved: {weights}"
    if "[Content_Types].xml" in known:
        return "a document of an office program, not vectors: save its table as text"
    if "META-INF/MANIFEST.MF" in known:
        return "a Java archive (.jar), not vectors: unpack it and read the file of vectors inside"
    return None
