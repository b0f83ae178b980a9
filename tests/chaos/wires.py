"""The fault proxy seen from the experiment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tests.chaos.control import ask
from tests.chaos.sink import ROOT
from tests.servers import free_port, listens, wait_for


@dataclass(frozen=True)
class Wires:
    """A running proxy: the port of each route."""

    ports: Mapping[str, int]
    control: int

    def fault(self, route: str, fault: str, amount: float = 0.0) -> int:
        """Make a fault on a route (see `proxy`); return how many of its connections were reset so far."""
        return int(ask(self.control, route=route, fault=fault, amount=amount)["resets"])

    def heal(self) -> None:
        """Let everything through again."""
        for route in self.ports:
            self.fault(route, "none")


@contextmanager
def running_wires(**targets: int) -> Iterator[Wires]:
    """Run a proxy to these ports until the block ends."""
    wires = Wires({name: free_port() for name in targets}, free_port())
    command = [sys.executable, "-m", "tests.chaos.proxy", f"--control={wires.control}"]
    command += [f"--route={name}={wires.ports[name]}:{target}" for name, target in targets.items()]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for(lambda: listens(wires.control), "the proxy's start")
        yield wires
    finally:
        process.terminate()
        process.wait(10)
