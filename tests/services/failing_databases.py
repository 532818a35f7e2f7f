"""PostgreSQL as it refuses in real life, with a user of no special rights, and what each hop does.

A fault is a context manager of the database; inside it every hop is tried.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url

from screening.db.migrate import upgrade
from screening.db.tables.schema import metadata
from tests.services.servers import new_postgresql_database

USER = "screening_user"


@dataclass(frozen=True, slots=True)
class Site:
    """One database: its URL for the stations, and the administrator's."""

    url: str
    administrator_url: str

    @property
    def name(self) -> str:
        """The database's name."""
        return str(make_url(self.url).database)

    @property
    def settings(self) -> str:
        """The statement that changes what the stations' new connections are given."""
        return f"ALTER ROLE {USER} IN DATABASE {self.name}"

    @contextmanager
    def administrator(self) -> Iterator[Engine]:
        """Yield an engine that may do anything, of which each statement is a transaction."""
        engine = create_engine(self.administrator_url, isolation_level="AUTOCOMMIT")
        try:
            yield engine
        finally:
            engine.dispose()

    def run(self, *statements: str) -> None:
        """Run statements as administrator."""
        with self.administrator() as engine, engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def cut(self) -> None:
        """End every connection of the stations."""
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "  # noqa: S608  our own names
            f"WHERE datname = '{self.name}' AND usename = '{USER}'"
        )


def new_site(server_url: str) -> Site:
    """Make a migrated database that a user without special rights owns."""
    administrator_url = new_postgresql_database(server_url)
    url = make_url(administrator_url).set(username=USER).render_as_string(hide_password=False)
    site = Site(url, administrator_url)
    site.run(
        f"DO $$ BEGIN CREATE ROLE {USER} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$",
        f"ALTER DATABASE {site.name} OWNER TO {USER}",
        f"ALTER SCHEMA public OWNER TO {USER}",
    )
    upgrade(url)
    return site


@contextmanager
def read_only(site: Site) -> Iterator[None]:
    """Have new connections take no writes, as after a failover or before a disk is full."""
    site.run(f"{site.settings} SET default_transaction_read_only = on")
    site.cut()
    try:
        yield
    finally:
        site.run(f"{site.settings} RESET default_transaction_read_only")


@contextmanager
def without_rights(site: Site) -> Iterator[None]:
    """Revoke the user's rights."""
    tables = ", ".join(metadata().tables)
    site.run(f"REVOKE ALL ON {tables} FROM {USER}")
    try:
        yield
    finally:
        site.run(f"GRANT ALL ON {tables} TO {USER}")


@contextmanager
def without_tables(site: Site) -> Iterator[None]:
    """Give the tables other names."""
    tables = list(metadata().tables)
    site.run(*(f"ALTER TABLE {table} RENAME TO gone_{table}" for table in tables))
    try:
        yield
    finally:
        site.run(*(f"ALTER TABLE gone_{table} RENAME TO {table}" for table in tables))


@contextmanager
def without_a_column(site: Site) -> Iterator[None]:
    """Give columns other names, as in another version's schema."""
    renamed = ("instances", "classifications", "deliveries", "commitment_requests")
    site.run(*(f"ALTER TABLE {table} RENAME id TO number" for table in renamed))
    try:
        yield
    finally:
        site.run(*(f"ALTER TABLE {table} RENAME number TO id" for table in renamed))


@contextmanager
def without_connections(site: Site) -> Iterator[None]:
    """Let the user have no connection more."""
    site.run(f"ALTER ROLE {USER} CONNECTION LIMIT 0")
    site.cut()
    try:
        yield
    finally:
        site.run(f"ALTER ROLE {USER} CONNECTION LIMIT -1")


@contextmanager
def _administrators_transaction(site: Site) -> Iterator[Connection]:
    engine = create_engine(site.administrator_url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def held_up_until(setting: str) -> Callable[[Site], AbstractContextManager[None]]:
    """Return a fault: all tables are locked, and waits are cut by `setting`."""

    @contextmanager
    def locked(site: Site) -> Iterator[None]:
        site.run(f"{site.settings} SET {setting} = '200ms'")
        site.cut()
        with _administrators_transaction(site) as connection:
            tables = ", ".join(metadata().tables)
            connection.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"))
            try:
                yield
            finally:
                site.run(f"{site.settings} RESET {setting}")
        site.cut()

    return locked


FAULTS: Mapping[str, Callable[[Site], AbstractContextManager[None]]] = {
    "25006": read_only,
    "42501": without_rights,
    "42P01": without_tables,
    "42703": without_a_column,
    "no answer": without_connections,
    "55P03": held_up_until("lock_timeout"),
    "57014": held_up_until("statement_timeout"),
}
"""By what the log must say of each: its SQLSTATE, or words where the driver gives none."""


@contextmanager
def refusing_with(site: Site, sqlstate: str) -> Iterator[None]:
    """Every new row of `instances` is refused with this SQLSTATE, by the server itself."""
    site.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION 'Doe^Jane' USING ERRCODE = '{sqlstate}'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON instances EXECUTE FUNCTION refuse()",
    )
    try:
        yield
    finally:
        site.run("DROP TRIGGER refuse ON instances", "DROP FUNCTION refuse")
