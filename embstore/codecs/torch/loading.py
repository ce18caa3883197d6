"""Loads files of torch.save without running code in them, and says how to save again those that need it."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path

from embstore.codecs.registry.magic import is_torch
from embstore.core.cures import cure, python
from embstore.core.dependencies import needed
from embstore.core.errors import FormatError
from embstore.files.input import HEAD, Input

NAME = "torch"
OBJECTS = re.compile(rb"c([A-Za-z_][\w.]{0,99})\n[A-Za-z_]\w{0,99}\n")  # the opcode of a pickle that names a class
HARMLESS = {b"torch", b"torch._utils", b"torch._tensor", b"torch.storage", b"torch.serialization", b"collections"}
GLOBAL = re.compile(r" GLOBAL ([\w.]{1,150})")  # in torch's message
META_PART = re.compile(r"consolidated\.([0-9]{2})\.pth")  # of Llama, as Meta published it

SAVE = (
    "import torch; keep = lambda x: keep(x.state_dict()) if hasattr(x, 'state_dict') else "
    "{{str(k): keep(v) for k, v in x.items()}} if isinstance(x, dict) else "
    "[keep(v) for v in x] if isinstance(x, (list, tuple)) else "
    "torch.as_tensor(x) if hasattr(x, '__array__') else x if isinstance(x, (str, int)) else None; "
    "torch.save(keep(torch.load({old!r}, map_location='cpu', weights_only=False)), {new!r})"
)
"""Saves what a file holds without its classes: tensors, words, lists, dictionaries, and the state dicts of modules."""

SAVE_OLD = "import torch; torch.save(torch.load({old!r}, map_location='cpu', weights_only=True), {new!r})"


def load(source: Input) -> object:
    """Load a file; its tensors are memory-mapped.

    Raises FormatError for files of other programs, from before torch 1.6, damaged ones, and those with Python objects.
    """
    with needed("torch", "a file of torch.save"):
        import torch

    path, head = source.path, source.head()
    _check_whole(path)
    if not head.startswith(b"PK\3\4"):
        reason = _old(source) if is_torch(head) else "not a zip, which is what torch.save writes"
        raise FormatError(path, reason, format=NAME)
    _check_not_compressed(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(source.path_for_library(), map_location="cpu", weights_only=True, mmap=True)
    except MemoryError:
        raise
    except Exception as error:  # on damaged opcodes, the weights-only unpickler raises many types of error
        named = GLOBAL.search(str(error))
        if named:
            raise FormatError(path, _objects(path, named[1]), format=NAME) from None
        reason = f"cannot be read, it is damaged or cut short: {_shorten(str(error))}"
        raise FormatError(path, reason, format=NAME) from None


def _check_whole(path: Path) -> None:
    """Refuse a part of a checkpoint of Meta's: each has some columns, or some rows, of every tensor."""
    part = META_PART.fullmatch(path.name)
    if part and path.with_name(f"consolidated.{'00' if int(part[1]) else '01'}.pth").exists():
        reason = "one of several files that each have a part of the table: read the checkpoint as Hugging Face has it"
        raise FormatError(path, reason, format=NAME)


def _old(source: Input) -> str:
    """Return what is wrong with a file from before torch 1.6; it may contain Python objects too."""
    path, what = source.path, "written by torch before 1.6, so it cannot be memory-mapped"
    if set(OBJECTS.findall(source.head(HEAD))) <= HARMLESS:
        return f"{what}: {cure('old-file-of-torch', f'{python(_filled(SAVE_OLD, path))} converts it')}"
    converts = cure("old-objects-of-torch", f"if you trust it, {python(_filled(SAVE, path))} converts it")
    return f"{what}, and contains Python objects: {converts}"


def _objects(path: Path, named: str) -> str:
    left_out = cure("objects-of-torch", f"if you trust it, {python(_filled(SAVE, path))} leaves them out")
    return f"contains Python objects ({named}), which would be unpickled: {left_out}"


def _filled(code: str, path: Path) -> str:
    return code.format(old=str(path), new=str(_beside(path)))


def _beside(path: Path) -> Path:
    """Return a name for another file with the same word list, which belongs to all files with one stem."""
    names = (path.with_suffix(suffix) for suffix in (".pt", ".pth", ".ckpt"))
    return next((name for name in names if not name.exists()), path.with_suffix(".weights.pt"))


def _check_not_compressed(source: Input) -> None:
    """Refuse compressed members, which torch.save does not write, and torch.load would decompress all at once."""
    try:
        with zipfile.ZipFile(source.open()) as archive:
            packed = next((member.filename for member in archive.infolist() if member.compress_type), None)
    except Exception as error:  # zipfile raises many classes for a damaged directory
        reason = f"cannot be read, it is damaged or cut short: {ascii(str(error))[1:-1][:150]}"
        raise FormatError(source.path, reason, format=NAME) from None
    if packed is not None:
        reason = f"the member {ascii(packed)[:80]} is compressed, unlike those that torch.save writes: save it again"
        raise FormatError(source.path, reason, format=NAME)


def _shorten(message: str) -> str:
    """Return the line of torch's message that states the cause."""
    lines = [line for line in message.split("\n") if line.strip() and not line.startswith("Check the documentation")]
    found = lines[-1 if "weights_only" in message else 0] if lines else ""
    return ascii(found.rpartition("WeightsUnpickler error:")[2].strip())[1:-1][:150]
