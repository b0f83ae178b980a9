"""A private Dovecot for tests: IMAP and POP3, in the clear and with TLS, on free ports, from a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import find_binary, free_port, listens, wait_for
from tests.support.tls_relay import write_certificate

USER = "bounces@example.com"
PASSWORD = "pass/word:with@marks"

_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap pop3
listen = 127.0.0.1
default_internal_user = {dovecot}
default_internal_group = {dovecot}
default_login_user = {login}
mail_location = maildir:{folder}/mail
first_valid_uid = 1
mail_plugins =
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
ssl = {ssl}
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
ssl_dh =
imap_capability = {capability}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={folder}/home allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A running Dovecot with one maildir, whatever user signs in."""

    folder: Path
    ports: dict[str, int]

    @property
    def certificate(self) -> Path:
        """What a client must trust."""
        return self.folder / "cert.pem"

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.folder / "dovecot.log").read_text(errors="replace")

    def deliver(self, *mails: bytes) -> None:
        """Put mails into the maildir, as a delivery agent does."""
        for raw in mails:
            name = f"{len(self.names()):06d}.{os.urandom(8).hex()}"
            written = self.folder / "mail" / "tmp" / name
            written.write_bytes(raw)
            shutil.chown(written, "mail", "mail")
            written.rename(self.folder / "mail" / "new" / name)

    def names(self) -> list[str]:
        """Return the files of the maildir."""
        return sorted(
            path.name for part in ("new", "cur") for path in (self.folder / "mail" / part).iterdir()
        )


@contextmanager
def running_dovecot(*, capability: str = "", ssl: str = "yes") -> Iterator[Dovecot]:
    """Run Dovecot until the block ends; `capability` is all that its IMAP says it can, when given."""
    folder = Path(tempfile.mkdtemp(prefix="dovecot-", dir="/tmp"))
    folder.chmod(0o755)
    ports = {name: free_port() for name in ("imap", "imaps", "pop3", "pop3s")}
    _write(folder, ports, capability, ssl)
    binary = find_binary("dovecot", "/usr/sbin", package="dovecot-imapd dovecot-pop3d")
    process = subprocess.Popen([binary, "-F", "-c", str(folder / "dovecot.conf")], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(ports["imap"]) and listens(ports["pop3"]), "Dovecot's start")
        yield Dovecot(folder, ports)
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, ports: dict[str, int], capability: str, ssl: str) -> None:
    for name in ("mail", "mail/new", "mail/cur", "mail/tmp", "home", "state"):
        (folder / name).mkdir(parents=True)
        shutil.chown(folder / name, "mail", "mail")
    write_certificate(folder)
    config = _CONFIG.format(
        folder=folder,
        dovecot="dovecot",
        login="dovenull",
        owner="mail",
        password=PASSWORD,
        capability=capability,
        ssl=ssl,
        **ports,
    )
    (folder / "dovecot.conf").write_text(config)
