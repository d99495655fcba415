"""`doctor`: check the environment line by line."""

import argparse


def add_parser(commands) -> None:
    """Add the command to argparse's subparsers."""
    command = commands.add_parser("doctor", help="check the environment line by line")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the checks of `course_utils.models.doctor`; exit code 1 if there is a problem."""
    from course_utils.models.doctor import examine

    findings = examine()
    print("\n".join(map(str, findings)))
    if not all(finding.ok for finding in findings):
        raise SystemExit(1)
