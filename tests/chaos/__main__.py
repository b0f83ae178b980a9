"""Run the experiments: `python -m tests.chaos [X1 X3 …] [--seed N] [--scale 0.1] [--json FILE]`."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.chaos.experiments import EXPERIMENTS
from tests.chaos.stage import Run
from tests.chaos.verdict import Verdict, table, write_json


def main() -> int:
    """Run what was asked for and print the oracle's verdict; 0 when every promise held."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {' '.join(EXPERIMENTS)}; default: all")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same choices")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the load and of the faults")
    parser.add_argument(
        "--json", type=Path, help="write everything measured to this file, beside what is there"
    )
    parser.add_argument("--keep", type=Path, help="keep logs and databases in this folder")
    options = parser.parse_args()
    names = [name.upper() for name in options.names] or list(EXPERIMENTS)
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown:
        parser.error(f"no such experiment: {', '.join(unknown)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL, which is not root, has to find its way through
        verdicts = run_all(names, Run(options.keep or Path(folder), options.seed, options.scale))
    print("\n" + table(verdicts))
    if options.json:
        write_json(verdicts, options.json, seed=options.seed, scale=options.scale)
    return 0 if all(each.passed for each in verdicts) else 1


def run_all(names: list[str], run: Run) -> list[Verdict]:
    """Run one after the other; one that cannot be run to its end is a verdict too."""
    verdicts = []
    for name in names:
        start = time.monotonic()
        print(f"{name} …", end=" ", flush=True)
        try:
            verdict = EXPERIMENTS[name](run)
        except Exception as error:
            traceback.print_exc()
            verdict = Verdict(name, "", troubles=[f"could not be run to its end: {error}"])
        verdict.figures["seconds"] = round(time.monotonic() - start)
        print(f"{'pass' if verdict.passed else 'FAIL'} ({verdict.figures['seconds']} s)", flush=True)
        verdicts.append(verdict)
    return verdicts


if __name__ == "__main__":
    sys.exit(main())
