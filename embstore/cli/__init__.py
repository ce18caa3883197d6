"""The command line: one module a command, loaded when it is called."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import click

from embstore.cli.printing import print_text
from embstore.errors import EmbstoreError, EmbstoreWarning, UnknownTokenError
from embstore.files.blaming import NO_ROOM

COMMANDS = {
    "convert": "Convert a file of embeddings into another.",
    "info": "Tell what a file holds.",
    "query": "Print the vectors of words.",
    "similar": "Print the words nearest to a word.",
    "analogy": "Solve: A is to B as C is to what?",
    "coverage": "Tell how much of a text a table knows.",
    "diff": "Tell how two tables differ.",
    "merge": "Make one table of several.",
    "verify": "Check every byte of a store.",
    "formats": "List the formats.",
}

UNKNOWN_WORDS = 3  # exit code

EPILOG = """\b
A first session:
  embstore convert glove.6B.50d.txt glove.6B.50d.safetensors
  embstore query glove.6B.50d.safetensors frog
  embstore similar glove.6B.50d.safetensors frog

\b
Exit codes: 0 done; 1 error, one line on stderr; 2 wrong usage; 3 unknown words; 130 or 143
stopped by Ctrl-C or SIGTERM, with nothing left behind.
Completion: eval "$(_EMBSTORE_COMPLETE=bash_source embstore)", or zsh_source, or fish_source.
"""


class Commands(click.Group):
    """The group, which imports a command's module when it is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command: `<name>_command` of the module of its name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"embstore.cli.{cmd_name}"), f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from embstore import __version__, kernels

        click.echo(f"embstore {__version__} ({'compiled' if kernels.COMPILED else 'plain'} functions active)")
        ctx.exit()


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def cli() -> None:
    """Pretrained embeddings in one memory-mapped safetensors file: convert, look up, compare."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; never with a traceback, unless EMBSTORE_DEBUG=1 asks for one."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", EmbstoreWarning)
        warnings.showwarning = lambda message, *_: print_text(f"warning: {message}", err=True)
        sys.exit(run(arguments))


def run(arguments: Sequence[str] | None) -> int:
    """Run the command line; its exit code."""
    try:
        _open_closed_streams()
        code = cli.main(arguments, prog_name="embstore", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except click.Abort as error:  # what click makes of Ctrl-C, and of an EOFError too
        return _report(error.__cause__) if isinstance(error.__cause__, EOFError) else 130
    except OSError as error:
        _forget_output()
        if error.filename is None and error.errno in NO_ROOM:  # files are named
            error.filename = "standard output"
        return 1 if isinstance(error, BrokenPipeError) else _report(error)
    except Exception as error:
        return _report(error)
    return code if isinstance(code, int) else 0


def _open_closed_streams() -> None:
    """Let a stream that the caller closed (``embstore ... <&-``) be empty; Python has None in its place."""
    sys.stdin = sys.stdin or Path(os.devnull).open()  # noqa: SIM115
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115


def _forget_output() -> None:
    """Drop what a closed pipe or a full disk did not take, or the interpreter complains as it flushes at its end."""
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
        return error.strerror if error.filename is None else f"{os.fsdecode(error.filename)}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, EmbstoreError | OSError | ValueError):
        return str(error)
    text = " ".join(str(error).split())
    return f"internal error, please report it: {type(error).__name__}: {text} (EMBSTORE_DEBUG=1 shows where)"
