"""GloVe text, 171 MB: embstore converts it to a store, the peers load it into memory."""

from __future__ import annotations

from pathlib import Path

from measure import Part, Run, child
from prepare import Work

PEERS = {
    "gensim": "gensim, into memory",
    "pyarrow": "pyarrow.csv, into columns",
    "snakefusion": "snakefusion (Rust), into memory",
    "finalfusion": "finalfusion, into memory",
}
CONVERT = "embstore convert, to a finished store"


def part(work: Work) -> Part:
    """Measure whole processes, from the start of the interpreter to its end."""
    return Part(
        name="text",
        title="glove.6B.50d.txt (400,000 x 50, 171 MB of text)",
        baseline=CONVERT,
        columns={
            "process_seconds": "whole process",
            "inside_seconds": "call only",
            "peak_bytes": "peak memory",
            "text_rate": "throughput",
        },
        runs=[
            convert(work, CONVERT),
            convert(work, "embstore convert, without compiled functions", EMBSTORE_PLAIN="1"),
            Run(child(work.python, "read_text.py", "open", work.text), "embstore, into memory"),
            Run(child(work.python, "read_text.py", "parse", work.text), "embstore, parsing only"),
            *(Run(child(work.peers, "load_text.py", peer, work.text), case) for peer, case in PEERS.items()),
        ],
    )


def convert(work: Work, case: str, **environment: str) -> Run:
    """Run the command as a user does; its own report has the time of the call."""
    out = work.folder / "converted.safetensors"
    command: list[str | Path] = [work.embstore, "convert", "--quiet", "--json", work.text, out]
    return Run(command, case, environment, figures={"seconds": "inside_seconds"}, output=out)
