"""An MLflow server for a local store that ends with the process which started it, however that ends, and with this.

Usage: ``python -P process.py TRACKING_URI``; prints the server's address, and serves until its input ends.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Serve; the exit status is 1, with a sentence on stderr, if that is not possible."""
    sys.path.append(str(Path(__file__).resolve().parents[2]))  # the engine, where none is installed
    from runner.errors import RunnerError
    from runner.integrations.mlflow.server import mlflow_server

    try:
        with mlflow_server(sys.argv[1]) as server:
            print(server.address, flush=True)
            sys.stdin.read()
    except RunnerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
