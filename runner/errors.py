"""Failures that the user can act on.

Every message is one sentence (or two) that names the file or value at fault and the remedy;
the command line prints it to stderr and exits with the class's status.
"""


class RunnerError(Exception):
    """Something could not be done; exit status 1."""

    exit_status = 1


class UsageError(RunnerError):
    """The request itself makes no sense: an unknown option, value or combination; exit status 2."""

    exit_status = 2


class NoUsableClusteringError(RunnerError):
    """Everything ran, but no trial gave a usable clustering; exit status 3."""

    exit_status = 3
