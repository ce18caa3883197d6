"""What `make demo` shows: real GloVe rows become a store, and words are looked up in it."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

import embstore

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = "formats/glove/valid/glove.6B.50d.sample.txt"
STORE = "demo/glove.sample.safetensors"


def run(arguments: str) -> None:
    """Show a command and run it."""
    print(f"\n$ embstore {arguments}", flush=True)
    subprocess.run([sys.executable, "-m", "embstore", *shlex.split(arguments)], cwd=ROOT, check=True)


def main() -> None:
    """Convert, look up, compare."""
    (ROOT / "demo").mkdir(exist_ok=True)
    run(f"convert {SAMPLE} {STORE} --overwrite")
    run(f"similar {STORE} frog -k 4")
    run(f"analogy {STORE} man king woman -k 3")

    print('\n>>> glove = embstore.open("' + STORE + '")')
    embstore.open(ROOT / STORE).close()  # the modules are loaded on first use, which is not what is timed
    start = time.perf_counter()
    glove = embstore.open(ROOT / STORE)
    opened = time.perf_counter() - start
    print(glove, f"  # opened in {opened * 1000:.1f} ms")
    print('>>> glove.stoi["the"], glove["the"][:4]')
    print((glove.stoi["the"], glove["the"][:4].tolist()))
    print('>>> emb = embstore.Embedding.from_pretrained(glove, padding=True, oov="lower,hash:100")')
    emb = embstore.Embedding.from_pretrained(glove, padding=True, oov="lower,hash:100")
    print('>>> ids = emb.encode([["The", "king", "was", "happy"], ["good", "qzxv"]])')
    ids = emb.encode([["The", "king", "was", "happy"], ["good", "qzxv"]])
    print(ids.tolist())
    print(">>> emb(ids).shape")
    print(emb(ids).shape)


if __name__ == "__main__":
    main()
