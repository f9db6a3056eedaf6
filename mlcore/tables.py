"""Tables of results, the same ones as JSON, Markdown, CSV and HTML: nothing is rounded in one and not in the other."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scipy.special import stdtrit

from mlcore.metrics import wilson

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fafaf8}
table{border-collapse:collapse;margin:.5rem 0 .3rem;background:#fff}th,td{border-bottom:1px solid #dee2e6;padding:.3rem .7rem;text-align:right}
th:first-child,td:first-child{text-align:left}tr.published td{color:#5b6570}p.note{color:#5b6570;margin-top:0}img{max-width:100%}"""


@dataclass
class Table:
    """`rows`: cells of text; `published`: how many rows at the end quote somebody else's figures."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str = ""
    published: int = 0

    def body(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Figure:
    """A share measured with `seeds` seeds: mean and 95 % interval (None where nothing is known about it). `n`: trials of one seed."""

    mean: float
    interval: tuple[float, float] | None
    seeds: int
    n: int = 0

    def __str__(self) -> str:
        return f"{self.mean:.3f}" + (f" ({self.interval[0]:.3f} to {self.interval[1]:.3f})" if self.interval else "")


def over_seeds(values: Sequence[float], n: int = 0) -> Figure:
    """Mean of `values`, one per seed. The interval holds Student's t over the seeds and, for a share of `n` trials, Wilson's for the mean: seeds
    that agree do not make few trials certain."""
    count = len(values)
    mean = sum(values) / count
    found = [wilson(mean, n)] if n else []
    if count > 1:
        spread = (sum((v - mean) ** 2 for v in values) / (count - 1)) ** 0.5
        half = float(stdtrit(count - 1, 0.975)) * spread / count**0.5
        found.append((max(0.0, mean - half), min(1.0, mean + half)))
    return Figure(mean, (min(low for low, _ in found), max(high for _, high in found)) if found else None, count, n)


def markdown(title: str, tables: Sequence[Table], notes: Sequence[str] = ()) -> str:
    out = [f"# {title}", *notes]
    for table in tables:
        lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in table.rows]
        out.append("\n".join([f"## {table.title}", "", f"| {' | '.join(table.columns)} |", "|---" * len(table.columns) + "|", *lines]))
        if table.note:
            out.append(table.note)
    return "\n\n".join(out) + "\n"


def page(title: str, tables: Sequence[Table], notes: Sequence[str] = (), pictures: Sequence[str] = ()) -> str:
    """One HTML page that needs nothing beside it but `pictures`, which lie in its folder."""
    body = [f"<h1>{html.escape(title)}</h1>", *(f"<p>{html.escape(note)}</p>" for note in notes)]
    body += [f'<p><img src="{html.escape(name)}" alt=""></p>' for name in pictures]
    for table in tables:
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in table.columns)
        first = len(table.rows) - table.published
        rows = [f"<tr{' class=published' if k >= first else ''}>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for k, row in enumerate(table.rows)]
        body.append(f"<h2>{html.escape(table.title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>")
        if table.note:
            body.append(f'<p class="note">{html.escape(table.note)}</p>')
    joined = "\n".join(body)
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>\n{joined}\n</html>\n'


def comma(table: Table) -> str:
    """The table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.columns, *table.rows])
    return text.getvalue()
