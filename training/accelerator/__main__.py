"""`python -m training.accelerator`: training on a machine that has a GPU and little else.

It needs Python 3.12, NumPy, Pillow, h5py, pydicom, pydantic and Keras on JAX, PyTorch or TensorFlow
(KERAS_BACKEND), no command-line library, database or server.
"""

import argparse
import sys
from pathlib import Path

from training.accelerator.run_word import parse_run
from training.accelerator.session import Session, collect, train_runs
from training.errors import TrainingError
from training.runs.request import Precision


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.accelerator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train runs on a pack of crops")
    train.add_argument("pack", type=Path)
    train.add_argument("--run", action="append", required=True, metavar="PROTOCOL[:PART...]")
    train.add_argument("--minutes", type=float, default=8.5)
    train.add_argument("--backbone-weights", type=Path, action="append", default=[])
    train.add_argument("--precision", type=Precision, default=Precision.MIXED_BFLOAT16)
    train.add_argument("--workers", type=int, default=16)
    again = commands.add_parser("collect", help="write the weights of runs that are done")
    again.add_argument("--run", action="append", required=True, metavar="NAME")
    for each in (train, again):
        each.add_argument("--work", type=Path, required=True, help="folder of the runs")
        each.add_argument("--out", type=Path, required=True, help="what is brought back")
    arguments = parser.parse_args()
    try:
        if arguments.command == "collect":
            arguments.out.mkdir(parents=True, exist_ok=True)
            for name in arguments.run:
                collect(arguments.work, arguments.out, name)
            return 0
        session = Session(
            pack=arguments.pack,
            work=arguments.work,
            out=arguments.out,
            minutes=arguments.minutes,
            backbone_weights=tuple(arguments.backbone_weights),
            precision=arguments.precision,
            workers=arguments.workers,
        )
        train_runs(session, [parse_run(word) for word in arguments.run])
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  for whoever started it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
