"""What a pickle is: of which library or class, with the lines of Python that export what it holds."""

from __future__ import annotations

from embstore.codecs.shared.first_look.first_bytes import FirstBytes
from embstore.codecs.shared.first_look.opcodes import Opened
from embstore.codecs.shared.first_look.pickled_tables import export_of_table, structure_of
from embstore.codecs.shared.first_look.pickled_words import export_of_words
from embstore.core.cures import cure, python

PROTOCOL = 0x80  # the first opcode of all pickles of protocol 2 and later
FEW = 3  # opcodes that tell a pickle from other bytes that begin like one
VECTORS_OF = {"Word2Vec": ".wv", "FastText": ".wv", "Doc2Vec": ".wv", "PoincareModel": ".kv"}  # whole models
NOT_NAMED = ("copy_reg.", "copyreg.", "builtins.", "__builtin__.", "collections.", "_codecs.", "numpy.")
UNSAFE = ", which may run any code when it is loaded. Where you trust it"


def is_certain(look: FirstBytes, head: bytes, opened: Opened) -> bool:
    """Return whether the opcodes make sense to their end; text has a line break soon, which is no opcode."""
    if opened.outcome == "cut":
        return head[0] == PROTOCOL or not look.is_whole
    return opened.outcome != "broken" or (head[0] == PROTOCOL and opened.count > FEW)


def reason_for(look: FirstBytes, opened: Opened, *, by_joblib: bool) -> str:
    """Return what a pickle is, and the lines that export what it holds."""
    first = next((name for name in opened.classes if not name.startswith(NOT_NAMED)), "")
    module, _, kind = first.rpartition(".")
    if module.startswith("gensim."):
        return f"a pickle of gensim's {kind}{UNSAFE}, {_gensim(look, kind)}"
    if by_joblib or "joblib.numpy_pickle" in {name.rpartition(".")[0] for name in opened.classes}:
        return f"a pickle of joblib's{UNSAFE}, load it by joblib.load, and save its words and vectors by embstore.save"
    if module.startswith("pandas."):
        return f"a pickle of pandas' {kind}{UNSAFE}, load it by pandas.read_pickle, and write it by to_parquet"
    structure = structure_of(opened, look.read_tail())
    bottom = opened.stack[0] if opened.stack else None
    if bottom is not None and bottom.kind in ("object", "class") and not structure:
        named = bottom.name or first
        if named and not named.startswith(NOT_NAMED):
            return (
                f"a pickle of the class {named}{UNSAFE}, load it where that class is defined, and save what it holds "
                "by embstore.save"
            )
    if look.role != "table":
        return f"a pickle{UNSAFE}, {export_of_words(look, opened)}"
    return f"a pickle{structure}{UNSAFE}, {export_of_table(look, opened, structure)}"


def _gensim(look: FirstBytes, kind: str) -> str:
    """Return the lines that export the vectors of a class of gensim's; other classes have none."""
    if not (kind in VECTORS_OF or kind.endswith("KeyedVectors")):
        return "load it by gensim, and save what it holds by embstore.save"
    if look.packing not in ("", "gzip", "bzip2"):
        return "unpack it, load it by gensim, and save its words and vectors by embstore.save"
    loaded = f"KeyedVectors.load({str(look.path)!r}){VECTORS_OF.get(kind, '')}"
    target = str(look.beside(".safetensors"))
    code = (
        f"import embstore; from gensim.models import KeyedVectors; vectors = {loaded}; "
        f"embstore.save({target!r}, vectors.index_to_key, vectors.vectors)"
    )
    return cure("gensim", f"export it from gensim: {python(code)}")
