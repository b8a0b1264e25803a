"""What ``fiftyone delegated launch`` does, once, in a process that a test may kill."""

from __future__ import annotations

if __name__ == "__main__":
    from fiftyone.operators.delegated import DelegatedOperationService

    DelegatedOperationService().execute_queued_operations(limit=1, log=True)
