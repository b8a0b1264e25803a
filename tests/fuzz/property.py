"""What holds of every parser: a value, or one sentence that names what was parsed; soon, and in bounded memory."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from runner.errors import RunnerError

MOST_SECONDS = 20.0
"""Of processor time, so that a busy machine changes nothing."""

MOST_KIBIBYTES = 512 * 1024
"""That the process may grow by."""


def value_or_sentence(parse: Callable[[], Any], name: str) -> Any:
    """What ``parse`` gives, None for a RunnerError, whose sentence must hold ``name``; anything else fails the test."""
    began, memory = time.process_time(), _largest_size()
    try:
        return parse()
    except RunnerError as error:
        sentence = str(error)
        assert sentence and "\n" not in sentence, repr(sentence)
        assert name in sentence, repr(sentence)
        assert len(sentence) < 2_000, f"{len(sentence)} characters"
        return None
    finally:
        assert time.process_time() - began < MOST_SECONDS
        assert _largest_size() - memory < MOST_KIBIBYTES


def _largest_size() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


numbers = st.integers() | st.floats() | st.sampled_from([0, -1, 2**31, 2**63, 10**400, float("nan"), float("inf")])
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
"""Values as JSON has them."""


def objects(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these keys or without, whose values are as they should be or anything."""
    return st.fixed_dictionaries({}, optional={name: part | values for name, part in parts.items()})


def as_json(value: Any) -> bytes:
    """A value as JSON; long numbers become 5,000 digits, more than Python reads."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**64:
        return b"-" * (value < 0) + b"9" * (5_000 if abs(value) > 2**128 else 25)
    if isinstance(value, dict):
        return b"{%s}" % b",".join(json.dumps(key).encode() + b":" + as_json(part) for key, part in value.items())
    if isinstance(value, list | tuple):
        return b"[%s]" % b",".join(map(as_json, value))
    return json.dumps(value).encode()


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """``content`` cut off, with bytes flipped, or with a part repeated, replaced or left out."""
    data = bytearray(content)
    for _ in range(draw(st.integers(0, 4))):
        first, last = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        match draw(st.sampled_from(["cut", "flip", "repeat", "replace", "remove"])):
            case "cut":
                del data[last:]
            case "flip" if last < len(data):
                data[last] ^= 1 << draw(st.integers(0, 7))
            case "repeat":
                data[last:last] = data[first:last][:500] * draw(st.integers(1, 50))
            case "replace":
                data[first:last] = draw(st.binary(max_size=12))
            case "remove":
                del data[first : min(last, first + 20)]
    return bytes(data)


def files(*examples: bytes) -> st.SearchStrategy[bytes]:
    """Contents of files: any bytes or text in several encodings, and damaged ones of these."""
    texts = st.builds(lambda text, encoding: text.encode(encoding, "replace"), st.text(max_size=60), _encodings)
    return st.one_of(st.binary(max_size=60), texts, st.sampled_from(examples).flatmap(damaged))


_encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
