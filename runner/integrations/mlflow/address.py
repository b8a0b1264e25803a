"""Where runs go, and apart from it what opens the door: passwords and tokens are in no text that leaves the process.

MLflow gets user, password and token of a server from the environment while a store is open, never from the URI, so that
what it writes into logs and errors has none to tell. Imports no MLflow.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode

from runner.errors import UsageError

USER, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"

HIDDEN = "…"
"""Stands where a secret was."""

_SECRET_NAME = re.compile(r"^(?!ssl(?!pass)).*(token|key|pass|pwd|secret|sig|auth|cred|user|uid)", re.IGNORECASE)
"""Names of query parameters whose values are nobody's business; those that begin with ``ssl`` name files."""

_WHOLE_WORD = 4
"""Secrets shorter than this are hidden only where they stand alone, as they may be part of any word."""


@dataclass(frozen=True)
class TrackingAddress:
    """A tracking URI in parts.

    Attributes:
        uri: without user, password and token: fit to be shown, written and sent.
        given: as it was given.
        user: as are ``password`` and ``token``, of the URI or else of the environment; empty where there is none.
        others: values of other secret parameters.
    """

    uri: str
    given: str = field(repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, tracking_uri: str, environment: Mapping[str, str] = os.environ) -> TrackingAddress:
        """Take a URI apart; what it lacks comes from MLflow's variables in the environment.

        Raises:
            UsageError: it can be read in two ways, or names a server's user without a password, which can't be sent.
        """
        shown, user, password, secrets = _parts(tracking_uri)
        token = next((value for name, value in secrets if "token" in name.lower()), "")
        if user and not password and shown.startswith("http") and PASSWORD not in environment:
            raise UsageError(f"{shown} was given with a user but no password; set {PASSWORD}, or a token as {TOKEN}")
        if not (user or token):
            user, token = environment.get(USER, ""), environment.get(TOKEN, "")
        password = password or (environment.get(PASSWORD, "") if user else "")
        return cls(shown, tracking_uri, user, password, token, tuple(value for _, value in secrets))

    @property
    def has_secrets(self) -> bool:
        """Whether the URI itself had any."""
        return self.uri != self.given

    @property
    def variables(self) -> dict[str, str]:
        """What MLflow's client of a server is to find in the environment."""
        given = {USER: self.user, PASSWORD: self.password, TOKEN: self.token}
        return {name: value for name, value in given.items() if value}

    @property
    def database_uri(self) -> str:
        """The URI that opens a database: as given, or with the environment's user and password where it had none."""
        scheme, _, rest = self.uri.partition("://")
        if self.has_secrets or not self.user or rest.startswith("/"):
            return self.given
        return f"{scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{rest}"

    @property
    def note(self) -> str:
        """What ``config.yaml`` says of what opens the store, and is not in it; empty where nothing is needed."""
        if not (self.has_secrets or self.user or self.token) or "///" in self.uri:
            return ""
        wanted = f"{USER} and {PASSWORD}" if self.user else TOKEN
        return f"# tracking_uri stands here without what opens the store; set {wanted} before using this file.\n"

    def hide(self, text: str) -> str:
        """``text``, such as an error's, without any secret of the address."""
        for secret in sorted(self._spellings(), key=len, reverse=True):
            alone = rf"(?<!\w){re.escape(secret)}(?!\w)"
            text = re.sub(alone if len(secret) < _WHOLE_WORD else re.escape(secret), HIDDEN, text)
        return text

    def _spellings(self) -> Iterator[str]:
        for secret in (self.user, self.password, self.token, *self.others):
            yield from filter(None, {secret, quote(secret), quote(secret, safe=""), repr(secret)[1:-1]})


def without_secrets(tracking_uri: str) -> str:
    """A tracking URI as it may be shown: no user, no password, no token, also where it is no proper URI.

    >>> without_secrets("https://me:word@host/mlflow?token=abc"), without_secrets("postgresql://me:a/b@host/db?x=1")
    ('https://host/mlflow', 'postgresql://host/db?x=1')
    """
    try:
        return _parts(tracking_uri)[0]
    except UsageError:
        return f"{tracking_uri.partition('://')[0]}://{HIDDEN}@{tracking_uri.rpartition('@')[2]}"


def _parts(tracking_uri: str) -> tuple[str, str, str, list[tuple[str, str]]]:
    """The URI without secrets, user, password, and secret parameters."""
    scheme, separator, rest = tracking_uri.partition("://")
    if not separator:
        start, _, end = tracking_uri.rpartition("@")
        return (f"{HIDDEN}@{end}" if start else tracking_uri), "", "", []
    user, password, rest = _user_info(scheme, rest)
    place, mark, query = rest.partition("?")
    if not place.startswith("/"):  # the path of a file may have a #
        place = place.partition("#")[0]
    pairs = parse_qsl(query.partition("#")[0], keep_blank_values=True)
    secrets = [pair for pair in pairs if _SECRET_NAME.search(pair[0])]
    if secrets:
        query = urlencode([pair for pair in pairs if pair not in secrets], safe="/:")
    shown = f"{place}?{query}" if mark and query else place
    return f"{scheme}://{shown}", user, password, secrets


def _user_info(scheme: str, rest: str) -> tuple[str, str, str]:
    """User and password, and the rest of a URI without them.

    As SQLAlchemy has it, the password of a database may hold ``/`` and ``?`` as they are.

    Raises:
        UsageError: there is an ``@`` after the host that may end a password or belong to a path.
    """
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" not in rest or rest.startswith("/"):
        return "", "", rest
    known, _, place = rest.rpartition("@")
    if "@" in rest[len(host) :]:
        of_database = not scheme.startswith("http") and re.fullmatch(r"[^:@]*:.*[^\d@].*", host)
        if not of_database:
            raise UsageError(
                f"{scheme}://{HIDDEN}@{place} can be read in two ways; write each @ in it but the one before the host "
                "as %40, and / in a password as %2F"
            )
    user, _, password = known.partition(":")
    return unquote(user), unquote(password), place
