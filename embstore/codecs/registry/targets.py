"""The format of a file that is to be written, from its suffix; before one such as .gz stands that of the format."""

from __future__ import annotations

from pathlib import Path

from embstore.codecs.registry.table import CODECS, Codec, codec_named
from embstore.core.cures import cure, option_name
from embstore.core.errors import FormatError, UnknownFormatError

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")  # suffixes of compressed files


def codec_for_target(path: str | Path, to: str | None = None) -> Codec:
    """Return the codec to write a file with: the format `to`, else the first one with the file's suffix.

    Before a suffix such as .gz stands that of the format. FormatError if this format is never written compressed.
    """
    if Path(path).suffix.lower() == ".zip":
        raise FormatError(path, f"no zip is written; text is compressed as {', '.join(COMPRESSED)}")
    packed = Path(path).suffix.lower() in COMPRESSED
    suffix = Path(path).with_suffix("").suffix.lower() if packed else Path(path).suffix.lower()
    written = (codec for codec in CODECS.values() if codec.writes and suffix in codec.suffixes)
    codec = codec_named(to) if to else next(written, None)
    if codec is None:
        known = ", ".join(f"{s} ({codec.name})" for codec in CODECS.values() if codec.writes for s in codec.suffixes)
        shown = repr(suffix or Path(path).suffix)
        name_one = cure("name-target-format", f"{option_name('to')} names one")
        raise UnknownFormatError(
            path, f"no format that can be written has the suffix {shown}; {name_one}, as do the suffixes {known}"
        )
    if packed and codec.writes and not codec.packs:
        names = ", ".join(codec.name for codec in CODECS.values() if codec.packs)
        reason = f"{codec.name} is not written compressed, only {names} are: leave {Path(path).suffix} out"
        raise FormatError(path, reason, format=codec.name)
    return codec
