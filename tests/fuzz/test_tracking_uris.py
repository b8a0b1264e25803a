"""Tracking URIs: whatever is wrong with one, what is said of it holds no password."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import assume, given
from hypothesis import strategies as st

from runner.integrations.mlflow.address import TrackingAddress, without_secrets
from runner.integrations.mlflow.tracking_uri import checked_tracking_uri
from tests.fuzz.property import value_or_sentence

SCHEMES = st.sampled_from(["https", "http", "postgresql", "mysql+pymysql", "sqlite", "sqlite+x", "file", "databricks"])
SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=6, max_size=12)
PARTS = st.lists(
    st.text(max_size=8) | st.sampled_from([*":/@?#[]%&=", "://", "sqlite:", "token=", "user:"]), max_size=8
)


@given(uri=PARTS.map("".join) | st.tuples(SCHEMES, PARTS.map("".join)).map("://".join))
def test_any_text(uri: str) -> None:
    value_or_sentence(lambda: checked_tracking_uri(uri), "")
    value_or_sentence(lambda: TrackingAddress.of(uri, {}), "")
    without_secrets(uri)


@given(
    scheme=SCHEMES.filter(lambda scheme: not scheme.startswith(("sqlite", "file", "databricks"))),
    secret=SECRETS,
    place=st.sampled_from(["host", "host:5000", "host/a/b", "host/db?sslmode=require", "[::1]:80/x", "a@b"]),
    by_name=st.booleans(),
)
def test_passwords_are_never_shown(scheme: str, secret: str, place: str, by_name: bool) -> None:
    assume(secret.lower() not in f"{scheme}://{place} can be read in two ways; write each as before host password")
    mark = "&" if "?" in place else "?"
    uri = f"{scheme}://{place}{mark}token={quote(secret, safe='')}" if by_name else f"{scheme}://me:{secret}@{place}"
    said = [without_secrets(uri)]
    for parse in (checked_tracking_uri, lambda text: TrackingAddress.of(text, {}).uri):
        try:
            parse(uri)
        except Exception as error:
            said.append(str(error))
    assert not [text for text in said if secret in text or quote(secret, safe="") in text]
