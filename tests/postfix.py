"""A private Postfix for tests: its own configuration and queue in a temporary folder, on free ports, for genuine DSNs."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import find_binary, free_port, listens, wait_for

_MAIN = """
compatibility_level = 3.6
config_directory = {folder}/etc
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
multi_instance_name = postfix-test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtp_host_lookup = native
smtp_tls_security_level = none
transport_maps = {transports}
virtual_alias_maps = {aliases}
alias_maps =
alias_database =
minimal_backoff_time = 1s
delay_warning_time = 1s
queue_run_delay = 1s
"""
_SERVICES = """
{port} inet n - n - - smtpd
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
showq unix n - n - - showq
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A running Postfix that relays for this machine."""

    port: int
    folder: Path

    @property
    def log(self) -> str:
        """What it has logged so far."""
        path = self.folder / "log" / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""


@contextmanager
def running_postfix(transports: Mapping[str, str], aliases: Mapping[str, str]) -> Iterator[Postfix]:
    """Run Postfix until the block ends; `transports` says where mail for a domain goes, such as `lmtp:inet:host:port`."""
    folder, port = Path(tempfile.mkdtemp(prefix="postfix-")), free_port()
    folder.chmod(0o755)
    _configure(folder, port, transports, aliases)
    binary = find_binary("postfix", "/usr/sbin", package="postfix")
    _control(binary, folder, "start")
    try:
        wait_for(lambda: listens(port), "Postfix's start")
        yield Postfix(port, folder)
    finally:
        _control(binary, folder, "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder: Path, port: int, transports: Mapping[str, str], aliases: Mapping[str, str]) -> None:
    for name in ("etc", "queue", "data", "log"):
        (folder / name).mkdir(mode=0o755)
    shutil.chown(folder / "data", "postfix")
    main = _MAIN.format(folder=folder, transports=_inline(transports), aliases=_inline(aliases))
    (folder / "etc" / "main.cf").write_text(main)
    (folder / "etc" / "master.cf").write_text(_SERVICES.format(port=f"127.0.0.1:{port}"))


def _inline(table: Mapping[str, str]) -> str:
    """Return a lookup table; Postfix has none that is empty."""
    rows = ", ".join(f"{{ {key} = {value} }}" for key, value in table.items())
    return f"inline:{{ {rows} }}" if rows else ""


def _control(binary: str, folder: Path, action: str) -> None:
    done = subprocess.run(
        [binary, "-c", str(folder / "etc"), action], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise RuntimeError(f"postfix {action}: {done.stdout}{done.stderr}")
