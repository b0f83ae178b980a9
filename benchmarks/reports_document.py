"""Writes measured times of the reports into docs/reports.md: `python -m benchmarks.reports_document reports.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.support.figures import write_figures

PAGE = Path(__file__).parents[1] / "docs" / "reports.md"


def rendered(document: dict[str, Any]) -> str:
    """Return the times as Markdown."""
    sizes, machine = document["sizes"], document["machine"]
    filled = f"; filled in {document['fill_seconds']:,.0f} s" if "fill_seconds" in document else ""
    lines = [
        f"PostgreSQL with {sizes['subscribers']:,} subscribers and {sizes['deliveries']:,} deliveries"
        f" ({machine['cpus']} CPUs, Python {machine['python']}{filled}):",
        "",
        "| Query | median | slowest |",
        "|---|--:|--:|",
    ]
    lines += [
        f"| {title} | {times['median']:.0f} ms | {times['slowest']:.0f} ms |"
        for title, times in document["queries_ms"].items()
    ]
    lines += ["", "| What the job does now and then | |", "|---|--:|"]
    lines += [f"| {title} | {cost:,.0f} ms |" for title, cost in document["job_ms"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    write_figures(PAGE, rendered(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
