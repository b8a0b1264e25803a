"""Self-contained HTML pages: everything is in the file, nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.utils.text import count_of, decimal, duration, printable, strict_json

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
