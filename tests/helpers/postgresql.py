"""A real PostgreSQL for tests, on this machine, for as long as they run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import free_port

NOBODY = 65534
_DEADLINE = 300  # seconds
PASSWORD = "s3cr3t/of@it"  # one that an address must write in other signs


@dataclass
class PostgreSQL:
    """A server that listens on 127.0.0.1 alone; `address` is that of its database, with user and password."""

    programs: Path
    folder: Path
    port: int
    address: str

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -p {self.port}"
        self._do("pg_ctl", "-D", "data", "-l", "log", "-w", "-t", str(_DEADLINE), "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once, whoever is connected."""
        self._do("pg_ctl", "-D", "data", "-w", "-t", str(_DEADLINE), "-m", "immediate", "stop")

    def run(self, statement: str) -> None:
        """Do something in its first database."""
        import psycopg

        with psycopg.connect(self._of("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def database(self, name: str) -> str:
        """Make an empty database, and give its address."""
        self.run(f"create database {name}")
        return self._of(name).replace("postgresql:", "postgresql+psycopg:")

    def _of(self, database: str) -> str:
        return f"{self.address.rpartition('/')[0]}/{database}"

    def _do(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            # Root may not run it.
            user=NOBODY if os.getuid() == 0 else None,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # no pipe: the server would keep it open
            stderr=subprocess.DEVNULL,
            timeout=2 * _DEADLINE,
        )
        if done.returncode:
            log = self.folder / "log"
            raise RuntimeError(f"{program} ended with {done.returncode}: {log.read_text() if log.is_file() else ''}")


def programs() -> Path | None:
    """The folder of PostgreSQL's programs; None where it is not installed."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")), *_which("initdb")]
    return found[-1].parent if found else None


def _which(name: str) -> Sequence[Path]:
    found = shutil.which(name)
    return [Path(found)] if found else []


@contextmanager
def running_postgresql(where: Path) -> Iterator[PostgreSQL]:
    """A server with no tables; `where` are its programs."""
    from urllib.parse import quote

    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))  # pytest's own are closed to others than root
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    port = free_port()
    address = f"postgresql://ann:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres"
    server = PostgreSQL(where, folder, port, address)
    (folder / "password").write_text(PASSWORD)
    try:
        options = ("-U", "ann", "--pwfile=password", "--auth=scram-sha-256", "-E", "UTF8", "--no-sync")
        server._do("initdb", "-D", "data", *options)
        server.start()
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
