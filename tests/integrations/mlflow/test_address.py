"""Tracking URIs taken apart: as the libraries that open them do, and without a secret in anything that is shown."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from runner.errors import UsageError
from runner.integrations.mlflow.address import TrackingAddress, without_secrets

NO_ENVIRONMENT: dict[str, str] = {}


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:s3cret@host:5000/path", "https://host:5000/path"),
        ("https://me@corp.com:s3cret@host/path", "https://host/path"),
        ("http://me:s3cret/cret@host", "http://…@host"),
        ("http://me:5000/s3cret@host", "http://…@host"),
        ("http://host/?token=s3cret&page=2", "http://host/?page=2"),
        ("http://host?access_token=s3cret", "http://host"),
        ("http://host#s3cret", "http://host"),
        ("postgresql://me:s3/cr?et@host:5432/db", "postgresql://host:5432/db"),
        ("postgresql://host/db?user=me&password=s3cret&sslkey=/k.pem", "postgresql://host/db?sslkey=/k.pem"),
        ("mysql+pymysql://me:s3cret@host/db?charset=utf8mb4", "mysql+pymysql://host/db?charset=utf8mb4"),
        ("sqlite:////home/me@work/a#b/mlflow.db", "sqlite:////home/me@work/a#b/mlflow.db"),
        ("sqlite+pysqlcipher://:s3cret@/mlflow.db", "sqlite+pysqlcipher:///mlflow.db"),
        ("me:s3cret@host", "…@host"),
        ("http://me:s3@cret/w:rd@host", "http://…@host"),
        ("databricks", "databricks"),
        ("", ""),
    ],
)
def test_what_is_shown(uri: str, shown: str) -> None:
    assert without_secrets(uri) == shown
    assert without_secrets(shown) in (shown, shown.replace("…@", ""))


SECRETS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=6, max_size=20)


@given(SECRETS, SECRETS, st.sampled_from(["https", "postgresql", "mysql+pymysql"]))
def test_written_as_they_must_be_secrets_are_found_and_hidden(user: str, password: str, scheme: str) -> None:
    uri = f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@host/db"
    address = TrackingAddress.of(uri, NO_ENVIRONMENT)
    assert (address.uri, address.user, address.password) == (f"{scheme}://host/db", user, password)
    told = address.hide(f"{uri} | {user} | {password} | {password!r}")
    assert password not in told
    assert quote(password, safe="") not in told
    assert password not in repr(address)


@given(st.text(st.sampled_from("s3:/?#@%&= é"), min_size=1), st.sampled_from(["http", "postgresql"]))
def test_a_password_written_as_it_is_never_shows(password: str, scheme: str) -> None:
    shown = without_secrets(f"{scheme}://you:{password}@host")
    assert shown in (f"{scheme}://host", f"{scheme}://…@host")


def test_a_database_gets_what_the_environment_has() -> None:
    given = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "p/w:@?"}
    url = make_url(TrackingAddress.of("postgresql://host:5432/db?sslmode=require", given).database_uri)
    assert (url.username, url.password, url.host, url.database) == ("me", "p/w:@?", "host", "db")
    own = "postgresql://you:word@host/db"
    assert TrackingAddress.of(own, given).database_uri == own
    file = "sqlite:////a/b.db"
    assert TrackingAddress.of(file, given).database_uri == file


def test_a_server_gets_them_as_variables() -> None:
    assert TrackingAddress.of("http://me:word@host", {"MLFLOW_TRACKING_TOKEN": "t"}).variables == {
        "MLFLOW_TRACKING_USERNAME": "me",
        "MLFLOW_TRACKING_PASSWORD": "word",
    }
    assert TrackingAddress.of("http://host?token=abc", {}).variables == {"MLFLOW_TRACKING_TOKEN": "abc"}
    with pytest.raises(UsageError, match="MLFLOW_TRACKING_PASSWORD"):
        TrackingAddress.of("http://me@host", NO_ENVIRONMENT)


def test_two_ways_to_read_a_uri_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="%40") as caught:
        TrackingAddress.of("http://me:s3@cret/w:rd@host", NO_ENVIRONMENT)
    assert "cret" not in str(caught.value)
