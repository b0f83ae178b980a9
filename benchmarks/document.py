"""Writes measured figures into docs/performance.md: `python -m benchmarks.document delivery.json parts.json …`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.measured import Measured, table
from tests.support.figures import write_figures

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def rendered(documents: Iterable[dict[str, Any]]) -> str:
    """Return the figures of several runs as Markdown."""
    return "\n\n".join(delivery(each) if "runs" in each else parts(each) for each in documents)


def delivery(document: dict[str, Any]) -> str:
    """Return the table of campaigns that were sent."""
    machine, options = document["machine"], document["options"]
    runs = [
        Measured(**{name: value for name, value in run.items() if name != "ratio"})
        for run in document["runs"]
    ]
    head = (
        f"{options['recipients']:,} recipients, messages of {runs[0].message_bytes:,} bytes, {options['processes']} worker "
        f"processes with {options['connections']} connections each ({machine['cpus']} CPUs, Python {machine['python']}):"
    )
    return f"{head}\n\n{table(runs)}"


def parts(document: dict[str, Any]) -> str:
    """Return the figures of the parts."""
    lines = ["| Part | Measured |", "|---|--:|"]
    lines += [
        f"| One reader's message: tokens, headers, merge | {document['message_us']:.1f} µs |",
        f"| … with an Ed25519 signature | {document['message_ed25519_us']:.0f} µs |",
        f"| … with an RSA-2048 signature | {document['message_rsa_us']:.0f} µs |",
        f"| RSA signing to the bare signature ({document['bare_rsa_us']:.0f} µs) | {document['rsa_signing_to_bare']:.2f} × |",
    ]
    for name in ("client_30kb", "client_5kb"):
        run = document[name]
        size = f"{run['message_bytes'] // 1000} kB"
        lines.append(f"| SMTP client alone, {size}, 10 connections, to smtp-source | {run['ratio']:.2f} × |")
    for name, title in (("postgresql", "PostgreSQL"), ("sqlite", "SQLite")):
        lines += _stored(title, document[name])
    return "\n".join(lines)


def _stored(title: str, run: dict[str, float]) -> list[str]:
    return [
        f"| {title}: freeze of {run['rows']:,} people | {run['freeze_rows_per_second']:,.0f} rows/s |",
        f"| {title}: claims, first and last tenth | {run['claim_first_tenth_ms']:.1f} and {run['claim_last_tenth_ms']:.1f} ms |",
    ]


def main() -> None:
    """Read the files, write the page."""
    documents = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    write_figures(PAGE, rendered(documents))


if __name__ == "__main__":
    main()
