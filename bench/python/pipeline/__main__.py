"""`python -m pipeline STUDY…`: reads each study and prints its report as JSON, or publishes it.

With `--stdin` it gets ready, says READY, and then reads one study a line: what a warm process takes.
"""

import argparse
import sys
from itertools import chain
from pathlib import Path

from . import ROOT
from .networks import Networks
from .reading import Reader
from .report import as_json


def main():
    parser = argparse.ArgumentParser(prog="pipeline", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", help="a folder of DICOM files each")
    parser.add_argument("--models", type=Path, default=ROOT / "models/research")
    parser.add_argument("--threads", type=int, default=2, help="threads over which slices are spread")
    parser.add_argument("--session-threads", type=int, default=1, help="threads within a run of a network")
    parser.add_argument("--broker", help="publish to mqtt://HOST:PORT in place of printing")
    parser.add_argument("--stdin", action="store_true", help="then read the names of studies, a line each")
    options = parser.parse_args()
    reader = Reader(Networks(options.models, options.session_threads), options.threads)
    publisher = None
    if options.broker:
        from .publish import Publisher

        publisher = Publisher(options.broker)
    if options.stdin:
        print("READY", flush=True)
    named = (line.strip() for line in sys.stdin) if options.stdin else ()
    for study in chain(options.studies, named):
        document = reader.read([study])
        if publisher:
            publisher.publish(as_json(document))
            print(document["report_id"], flush=True)
        else:
            print(as_json(document, None if options.stdin else 2), flush=True)
    if publisher:
        publisher.close()


main()
