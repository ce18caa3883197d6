"""Reads HDF5 through a child process: its plan names the matrix and the words, and its output is the source."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from embstore.codecs.hdf5.process import Child
from embstore.codecs.hdf5.request import LIMITS, Limits, Plan, Request
from embstore.codecs.hdf5.rows import PipedTokens, mapped_rows, piped_rows
from embstore.codecs.shared.array import array_source, check_matrix, native_rows
from embstore.codecs.shared.matrix import Origin, matrix_source
from embstore.codecs.shared.word_list import read_word_list, word_list_beside
from embstore.codecs.shared.word_list_files import check_word_list, load_word_list
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Findings, Source
from embstore.core.closing import ClosingBatches
from embstore.core.cures import at_command_line
from embstore.core.options import Progress, ReadOptions
from embstore.files.input import Input

NAME = "hdf5"
INHERITS_DESCRIPTORS = os.name != "nt"  # whether a child process can inherit descriptors


def read_hdf5(source: Input, options: ReadOptions, progress: Progress | None = None, limits: Limits = LIMITS) -> Source:
    """Read a matrix and its words; a child process opens the file, and is killed when it exceeds the limits."""
    source.require_file()
    in_file = not (options.vocab and Path(options.vocab).is_file())
    request = Request(
        descriptor=source.fileno() if INHERITS_DESCRIPTORS else None,
        path=str(source.path if INHERITS_DESCRIPTORS else Path(source.given_path()).absolute()),
        key=options.key,
        vocab=str(options.vocab) if options.vocab and in_file else None,
        words=in_file,
        integers=options.dtype is not None,
        numbers=options.vocab is None and _entity_names(source.path) is None and word_list_beside(source) is None,
        command_line=at_command_line(),
        processor=limits.processor,
        waiting=limits.waiting,
    )
    child = Child(source, request, NAME)
    try:
        table = _source(child, source, options, progress)
    except BaseException:
        child.close()
        raise
    return table.through(lambda batches: ClosingBatches(batches, child.close))


def _source(child: Child, file: Input, options: ReadOptions, progress: Progress | None) -> Source:
    """Make the source from the plan of the child, which sends the words of each block, if any, before its rows."""
    plan, findings = _plan(child), Findings()
    for what, where, times in plan["findings"]:
        findings.add(what, where, times)
    shape, dtype, offset, step = (plan["rows"], plan["dim"]), plan["dtype"], plan["offset"], plan["step"]
    rows: Any = piped_rows(child, shape, dtype, step) if offset is None else mapped_rows(file, shape, dtype, offset)
    result_dtype, origin = check_matrix(rows.dtype, shape, options), Origin(file, NAME)
    if not plan["words"]:
        words = _words_from_file(file, options, plan["rows"], findings)
        return array_source(rows, words, result_dtype, origin, progress, findings)
    tokens = PipedTokens(child, plan["rows"], findings if plan["numbers"] else None)
    return matrix_source(
        tokens,
        plan["dim"],
        result_dtype,
        lambda start, stop: native_rows(rows[start:stop]),
        origin,
        progress,
        findings,
        step=step,
    )


def _plan(child: Child) -> Plan:
    """Return the plan; while the child looks through many names, it sends lengths of 0."""
    length = 0
    while not length:
        length = int.from_bytes(child.read(8), sys.byteorder)
    plan: Plan = json.loads(child.read(length))
    return plan


def _words_from_file(file: Input, options: ReadOptions, count: int, findings: Findings) -> WordList:
    names = None if options.vocab else _entity_names(file.path)
    if names is None:
        return load_word_list(file, options, count, NAME, findings)
    words = read_word_list(file.open_companion(names), count, options, findings)
    return check_word_list(words, count, file.path, names, NAME)


def _entity_names(path: Path) -> Path | None:
    """Return PyTorch-BigGraph's file of words, if any: entity_names_user_0.json of embeddings_user_0.v50.h5."""
    match = re.fullmatch(r"embeddings_(.+_\d+)(\.v\d+)?", path.stem)
    names = path.with_name(f"entity_names_{match[1]}.json") if match else path
    return names if match and names.is_file() else None
