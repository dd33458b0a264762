"""The few shapes of which a chart is made, as SVG text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

# The colours stand in the file itself, for a light and a dark page: whoever shows the picture needs nothing else.
_STYLE = """
svg { font: 13px system-ui, "Segoe UI", Roboto, Arial, sans-serif; background: #fff; }
text { fill: #1c1f24; }
.quiet { fill: #525a66; }
.title { font-size: 15px; font-weight: 650; }
.rule { stroke: #c6ccd4; stroke-width: 1; }
.line { fill: none; stroke-width: 2.5; }
.before { fill: #6b7785; } .line.before { fill: none; stroke: #6b7785; stroke-dasharray: 6 4; }
.after { fill: #0a6b5e; } .line.after { fill: none; stroke: #0a6b5e; }
.s0 { fill: #0a6b5e; } .s1 { fill: #4aa08f; } .s2 { fill: #a3cfc6; }
.s3 { fill: #d9a441; } .s4 { fill: #7a86c2; } .s5 { fill: #b4483f; }
@media (prefers-color-scheme: dark) {
  svg { background: #14171b; }
  text { fill: #e8eaed; }
  .quiet { fill: #aeb6c1; }
  .rule { stroke: #3a424d; }
  .before { fill: #96a1ae; } .line.before { stroke: #96a1ae; }
  .after { fill: #4fc3ae; } .line.after { stroke: #4fc3ae; }
  .s0 { fill: #2f9c8a; }
}
"""


def picture(width: int, height: int, title: str, description: str, shapes: Sequence[str]) -> str:
    """A whole SVG file; the title and the description are what a screen reader says instead of it."""
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-labelledby="title description">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{escape(description)}</desc>',
            f"<style>{_STYLE}</style>",
            *shapes,
            "</svg>",
            "",
        )
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Words; `anchor` is `start`, `middle` or `end`."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def bar(x: float, y: float, width: float, height: float, kind: str, words: str) -> str:
    """A filled bar that says `words` under the mouse."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" class="{kind}">'
        f"<title>{escape(words)}</title></rect>"
    )


def rule(x1: float, y1: float, x2: float, y2: float) -> str:
    """A thin straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="rule"/>'


def line(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through the points."""
    return f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" class="line {kind}"/>'
