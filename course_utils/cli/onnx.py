"""`onnx`: write a trained model as ONNX, for programs without torch."""

import argparse

from course_utils.cli.arguments import path


def add_parser(commands) -> None:
    """Add the command to argparse's subparsers."""
    command = commands.add_parser("onnx", help="write a trained model as ONNX")
    command.set_defaults(run=run)
    folder = "a checkpoint, such as data/checkpoints/shapes32"
    command.add_argument("folder", type=path, help=folder)
    command.add_argument("--out", type=path, required=True, help="folder to write")


def run(options: argparse.Namespace) -> None:
    """Export a checkpoint and print how exact the result is."""
    from course_utils.models.onnx import MODEL, export_onnx

    about = export_onnx(options.folder, options.out)
    ours, torchs = about["largest_difference"], about["largest_difference_of_torch"]
    print(
        f"{options.out / MODEL}: {about['bytes'] / 1e6:.1f} MB; x0 is at most {ours:.1e} from"
        " torch's in double\n"
        f"precision. Torch's own in single precision: {torchs:.1e}"
    )
