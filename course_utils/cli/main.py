"""`python -m course_utils COMMAND`: what `course.py` hands its arguments to.

Each command is one file with `add_parser(commands)` and `run(options)`.
"""

import io
import sys

from course_utils.cli import doctor, generate, onnx, train
from course_utils.cli.arguments import Parser
from course_utils.networks.words import visible


def parser() -> Parser:
    """Return the parser of all commands; what it parses has `run`, the command's function."""
    top = Parser(
        prog="course.py", description="Generate shapes, train models, check the environment."
    )
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)
    for command in (generate, train, doctor, onnx):
        command.add_parser(commands)
    return top


def main(arguments: list[str] | None = None) -> None:
    """Run one command; what goes wrong is one line on stderr and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal, a pipe or a file
            stream.reconfigure(errors="backslashreplace")  # for names in scripts it cannot write
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except ValueError as error:
        print(f"course.py {options.command}: {visible(str(error))}", file=sys.stderr)
        raise SystemExit(2) from error
    # a full disk, a folder that may not be written: what was there before is there still
    except OSError as error:
        print(
            f"course.py {options.command}: {visible(str(error))}; what was saved before is"
            " unharmed",
            file=sys.stderr,
        )
        raise SystemExit(1) from error
    except KeyboardInterrupt:
        raise SystemExit("\nstopped") from None
