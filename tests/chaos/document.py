"""Writes a run's figures into docs/reliability.md: `python -m tests.chaos.document RESULTS.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.support.figures import write_figures

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
HEAD = (
    "| | Fault | Messages | Faults | Lost | Twice | Ambiguous | Allowed | Equation | Recovered | Verdict |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|---|--:|---|"
)


def rendered(results: dict[str, dict[str, Any]]) -> str:
    """Return the table, what broke, and the further figures of each experiment as Markdown."""
    names = sorted(results, key=lambda name: int(name[1:]))
    lines = [HEAD, *(_row(name, results[name]) for name in names), ""]
    for name in names:
        lines += [f"- **{name}** failed: {trouble}." for trouble in results[name]["troubles"]]
    lines += ["", "Further figures:", ""]
    lines += [f"- **{name}**, {results[name]['title']}: {_figures(results[name])}." for name in names]
    return "\n".join(lines)


def _row(name: str, result: dict[str, Any]) -> str:
    bound, recovered = result["bound"], result["recovered_seconds"]
    cells = (
        name, result["title"], f"{result['messages']:,}", result["faults"], result["lost"], result["twice"],
        result["ambiguous"], "–" if bound is None else f"{bound:g}", "holds" if result["adds_up"] else "broken",
        "–" if recovered is None else f"{recovered:g} s", "pass" if result["passed"] else "**fail**",
    )  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _figures(result: dict[str, Any]) -> str:
    told = [f"{name}: {_shown(value)}" for name, value in result["figures"].items() if name != "seconds"]
    told.append(f"seed {result['seed']}, scale {result['scale']:g}, {result['figures']['seconds']} s in all")
    return "; ".join(told)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{inner} {name}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def main() -> None:
    """Read the results and rewrite the page."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.chaos.document RESULTS.json")
    results = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    write_figures(PAGE, rendered(results))


if __name__ == "__main__":
    main()
