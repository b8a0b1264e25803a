"""Self-contained HTML pages: everything is in the file, nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.results.display_names import count_of, decimal
from runner.results.written import printable, strict_json

TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, data: Mapping[str, object], scripts: Sequence[str], **values: object) -> str:
    """A self-contained page: plotly, style, scripts and data are part of it.

    Args:
        template: name of the template, which places ``style``, ``data``, ``plotly_js`` and ``scripts``.
        data: what the scripts read.
        scripts: names of the scripts, in the order in which they run.
        values: further values for the template, which escapes them.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "printable": printable, "count": count_of, "decimal": decimal}
    return environment.get_template(template).render(
        data=Markup(_json_for_script(data)),
        plotly_js=Markup(get_plotlyjs()),
        style=Markup((TEMPLATES / "report.css").read_text("utf-8")),
        scripts=[Markup((TEMPLATES / name).read_text("utf-8")) for name in scripts],
        **values,
    )


def _json_for_script(value: object) -> str:
    """JSON that no HTML parser takes for markup."""
    return strict_json(value).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
