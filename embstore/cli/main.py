"""The command group and the exit codes. The module of a command is imported when that command is called."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import click

from embstore.cli.exit_codes import UNKNOWN_WORDS
from embstore.cli.printing import print_text
from embstore.core.cures import for_command_line
from embstore.core.errors import EmbstoreError, EmbstoreWarning, UnknownTokenError
from embstore.files.os_errors import DISK_FULL

COMMANDS = {
    "convert": "Convert a file of embeddings into another format.",
    "info": "Describe a file of embeddings.",
    "query": "Print the vectors of words.",
    "similar": "Print the words nearest to a word.",
    "analogy": "Complete: A is to B as C is to ...",
    "coverage": "Count how many words of a text are in a table.",
    "diff": "Compare two tables.",
    "merge": "Merge several tables into one.",
    "verify": "Check every byte of a store.",
    "doctor": "List what is odd in a file, and how to mend it.",
    "formats": "List the formats that are read and written.",
}

EPILOG = """\b
A first session:
  embstore convert glove.6B.50d.txt glove.6B.50d.safetensors
  embstore query glove.6B.50d.safetensors frog
  embstore similar glove.6B.50d.safetensors frog

\b
Exit codes: 0 done; 1 error, with one line on stderr; 2 wrong usage; 3 unknown words;
130 or 143 stopped by Ctrl-C or SIGTERM, after removing unfinished files.
Shell completion: eval "$(_EMBSTORE_COMPLETE=bash_source embstore)", or zsh_source, or fish_source.
"""


class Commands(click.Group):
    """A group that imports the module of a command only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, None for an unknown name."""
        del ctx
        return _load(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown one, suggest that with the most similar name."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            from embstore.cli.suggestions import similar_command

            similar = similar_command(args[0], COMMANDS)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {similar!r}?" if similar else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _load(name: str) -> click.Command | None:  # noqa: C901
    command: click.Command
    match name:
        case "convert":
            from embstore.cli.convert import convert_command as command
        case "info":
            from embstore.cli.info import info_command as command
        case "query":
            from embstore.cli.query import query_command as command
        case "similar":
            from embstore.cli.similar import similar_command as command
        case "analogy":
            from embstore.cli.analogy import analogy_command as command
        case "coverage":
            from embstore.cli.coverage import coverage_command as command
        case "diff":
            from embstore.cli.diff import diff_command as command
        case "merge":
            from embstore.cli.merge import merge_command as command
        case "verify":
            from embstore.cli.verify import verify_command as command
        case "doctor":
            from embstore.cli.doctor import doctor_command as command
        case "formats":
            from embstore.cli.formats import formats_command as command
        case _:
            return None
    return command


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from embstore.core import kernels
        from embstore.core.version import VERSION

        click.echo(f"embstore {VERSION} ({'compiled' if kernels.COMPILED else 'plain'} functions active)")
        ctx.exit()


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def cli() -> None:
    """Pretrained embeddings in one memory-mapped safetensors file: convert, look up, compare."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; errors print a traceback only under EMBSTORE_DEBUG=1."""
    try:
        with warnings.catch_warnings(), for_command_line():
            warnings.simplefilter("always", EmbstoreWarning)
            warnings.showwarning = lambda message, *_: print_text(f"warning: {message}", err=True)
            code = run(arguments)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def run(arguments: Sequence[str] | None) -> int:
    """Run the command line and return its exit code."""
    try:
        _open_closed_streams()
        code = cli.main(arguments, prog_name="embstore", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except click.Abort as error:  # click raises it for Ctrl-C and for EOFError
        return _report(error.__cause__) if isinstance(error.__cause__, EOFError) else 130
    except OSError as error:
        _discard_output()
        if error.filename is None and error.errno in {*DISK_FULL, errno.EBADF}:  # errors about files have a filename
            error.filename = "standard output"
        return 1 if isinstance(error, BrokenPipeError) else _report(error)
    except Exception as error:
        return _report(error)
    return code if isinstance(code, int) else 0


def _open_closed_streams() -> None:
    """Replace streams that the caller closed (``embstore ... <&-``), which are None in Python.

    Input is empty, and errors are dropped, as nobody could read them. Output is an error: it would be lost.
    """
    sys.stdin = sys.stdin or Path(os.devnull).open()  # noqa: SIM115
    sys.stdout = sys.stdout or open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115


def _discard_output() -> None:
    """Discard output that a closed pipe or a full disk rejected; the interpreter would report it again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report(error: Exception) -> int:
    if os.environ.get("EMBSTORE_DEBUG") == "1":
        raise error
    print_text(f"error: {_one_line(error)}", err=True)
    return UNKNOWN_WORDS if isinstance(error, UnknownTokenError) else 1


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror is not None:
        return error.strerror if error.filename is None else _about_file(error, os.fsdecode(error.filename))
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, EmbstoreError | OSError | ValueError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("embstore"):
        return f"this Python has no module {error.name}, which is needed here"
    text = " ".join(str(error).split())
    return f"internal error, please report it: {type(error).__name__}: {text} (`EMBSTORE_DEBUG=1` shows where)"


def _about_file(error: OSError, name: str) -> str:
    """Return the line for an error about a file; for a missing one, suggest that with the most similar name."""
    similar = None
    if error.errno == errno.ENOENT:
        from embstore.cli.suggestions import similar_file

        similar = similar_file(Path(name))
    return f"{name}: {error.strerror}" + (f"; did you mean {similar}?" if similar else "")
