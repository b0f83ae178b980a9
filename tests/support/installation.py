"""An installation as an administrator has it: commands in processes of their own, on real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS = 240


@dataclass(frozen=True)
class Installation:
    """Where it lives and how it is set."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def at(cls, folder: Path, **settings: str) -> Installation:
        """Return an installation in `folder`; settings are the names of NEWSLETTER_* in small letters."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
        folder.mkdir(parents=True, exist_ok=True)
        given = {f"NEWSLETTER_{name.upper()}": value for name, value in settings.items()}
        own = {
            "NEWSLETTER_DATA_DIR": str(folder / "var"),
            "NEWSLETTER_SECRET_KEY": "a secret for tests, long enough",
        }
        return cls(folder, clean | own | given)

    def run(
        self, *arguments: str, code: int = 0, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `newsletter ARGUMENTS` and hold its exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "newsletter", *arguments],
            env=dict(self.environment),
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        """Run a command with --json and return what it printed."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def start(self, *arguments: str, module: str = "newsletter") -> subprocess.Popen[bytes]:
        """Start a long-running command in a process group of its own."""
        with (self.folder / f"{arguments[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=dict(self.environment),
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a long-running command until the block ends."""
        process = self.start(*arguments)
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a command as a service manager does: SIGTERM, then SIGKILL to what is left of its group."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(40)
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL the command and its children, at once."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(10)
