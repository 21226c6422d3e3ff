"""python -m training fit CONFIG: trains, calibrates, judges, exports, verifies and packs one grading network."""

import argparse
import sys
from pathlib import Path

from . import config, run
from .problems import Problem


def main():
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    fit = verbs.add_parser("fit", help="from a configuration to a bundle that the appliance loads")
    fit.add_argument("config", type=Path, metavar="CONFIG", help="TOML (README.md, \"Retrain on your own archive\")")
    options = parser.parse_args()
    try:
        run.fit(config.read(options.config))
    except Problem as problem:
        sys.exit(f"training: {problem}")


if __name__ == "__main__":
    main()
