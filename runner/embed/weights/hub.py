"""Published weights: found in the local cache, or else downloaded; without a hub, a quick and clear failure."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import urllib.request
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

from runner.embed.architectures import WeightsSource
from runner.utils.atomic import replaced_atomically

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

_CONNECT_TIMEOUT = 5.0
"""Seconds for the hub to answer the first request; huggingface_hub alone would retry for half a minute."""

_PROBE_DEADLINE = 8.0
"""Seconds after which even a name server that never answers counts as an unreachable hub."""

_CHUNK = 1 << 20
_TOO_BUSY = 429
_SERVER_ERROR = 500


class HubError(Exception):
    """Weights can't be had; the text is the reason, in words that fit after "which"."""


def downloads_folder(cache_dir: Path) -> Path:
    """Where weights are kept that come from plain URLs; the hub's are in its own cache."""
    return cache_dir.expanduser() / "models" / "weights"


def host(source: WeightsSource) -> str:
    """The name of the server that ``source`` is on."""
    from huggingface_hub import constants

    return urlsplit(constants.ENDPOINT if source.repository else source.url).netloc


def find_cached(source: WeightsSource, folder: Path) -> Path | None:
    """The file of ``source`` on this machine; None if it is not here. Needs no network.

    Args:
        source: where the weights are published.
        folder: where files from plain URLs are kept; those of the hub are in its own cache (``HF_HOME``).
    """
    from huggingface_hub import try_to_load_from_cache

    if not source.repository:
        path = _path_of_url(source.url, folder)
        return path if path.is_file() else None
    for filename in source.filenames:
        cached = try_to_load_from_cache(source.repository, filename)
        if isinstance(cached, str) and Path(cached).is_file():
            return Path(cached)
    return None


def fetch(source: WeightsSource, folder: Path) -> Path:
    """The file of ``source``, downloaded unless it is on this machine.

    Raises:
        HubError: the server can't be reached or does not have it.
    """
    cached = find_cached(source, folder)
    if cached is not None:
        return cached
    return _download_from_hub(source) if source.repository else _download_url(source.url, folder)


def _download_from_hub(source: WeightsSource) -> Path:
    from huggingface_hub import hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError

    _require_answer(hf_hub_url(source.repository, source.filenames[0]))
    for filename in source.filenames:
        try:
            return Path(hf_hub_download(source.repository, filename))
        except LocalEntryNotFoundError as error:  # how huggingface_hub says that the connection was lost
            raise HubError(f"can't be reached ({_reason(error.__cause__ or error)})") from error
        except EntryNotFoundError:
            continue
        except RepositoryNotFoundError as error:  # a gated repository included
            raise HubError(
                f"does not give out the repository {source.repository} (missing, private or gated)"
            ) from error
        except OSError as error:
            raise HubError(f"failed ({_reason(error)})") from error
    raise HubError(f"has none of {', '.join(source.filenames)} in the repository {source.repository}")


def require_hub() -> str:
    """The name of the model hub's server, which answers.

    Raises:
        HubError: it can't be reached.
    """
    from huggingface_hub import constants

    _require_answer(constants.ENDPOINT)
    return urlsplit(constants.ENDPOINT).netloc


def _require_answer(url: str) -> None:
    """Raise HubError unless the server answers a first request soon."""
    outcome: list[str] = []

    def ask() -> None:
        from huggingface_hub.utils import get_session

        try:
            status = get_session().head(url, timeout=_CONNECT_TIMEOUT).status_code
        except Exception as error:  # the HTTP library's own types differ between versions of huggingface_hub
            outcome.append(_reason(error))
        else:
            outcome.append(f"status {status}" if status == _TOO_BUSY or status >= _SERVER_ERROR else "")

    # A thread, as looking up a host's name heeds no timeout; a daemon, as it must not hold up the exit.
    thread = threading.Thread(target=ask, name="hub-probe", daemon=True)
    thread.start()
    thread.join(_PROBE_DEADLINE)
    reason = outcome[0] if outcome else f"no answer within {_PROBE_DEADLINE:.0f} seconds"
    if reason:
        raise HubError(f"can't be reached ({reason})")


def _download_url(url: str, folder: Path) -> Path:
    from tqdm import tqdm

    path = _path_of_url(url, folder)
    digest = hashlib.sha256()
    try:
        with (
            urllib.request.urlopen(url, timeout=_CONNECT_TIMEOUT) as response,
            replaced_atomically(path) as temporary,
            temporary.open("wb") as file,
            tqdm(total=response.length, unit="B", unit_scale=True, desc=path.name) as bar,
        ):
            length = response.length
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                digest.update(chunk)
                bar.update(len(chunk))
            if length is not None and file.tell() < length:  # a connection that is cut ends like a whole file
                raise HubError(f"sent {file.tell():,} of the {length:,} bytes of {path.name}")
            expected = re.search(r"-([0-9a-f]{8,})$", path.stem)  # the convention of PyTorch's published files
            if expected and not digest.hexdigest().startswith(expected[1]):
                raise HubError(f"sent a damaged {path.name}")
    except (URLError, OSError) as error:
        raise HubError(f"can't be reached ({_reason(error)})") from error
    return path


def _path_of_url(url: str, folder: Path) -> Path:
    return folder / Path(urlsplit(url).path).name


def _reason(error: BaseException) -> str:
    cause = getattr(error, "reason", None)
    text = str(cause if isinstance(cause, BaseException) else error).strip()
    return text.splitlines()[0] if text else type(error).__name__
