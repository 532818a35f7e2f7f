"""What follows from each error of the database: wait, connect anew, refuse the value, or a defect.

Whether an error may pass decides what a modality is told, and whether a station waits or gives up.
The tables are literal: an SQLSTATE is looked up whole, then by its class (two characters),
an SQLite error by its primary code. What stands in none of them may pass: a site's trigger or a
pooler may say anything, and nobody must give an image up for that.

Source: PostgreSQL, appendix A, "PostgreSQL Error Codes"; SQLite, "Result and Error Codes".
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.exc import DBAPIError

from screening.errors import DatabaseUnavailableError, UnstorableValueError

_LONGEST_SAYING = 300
_UP = "see that it is up and reachable"
_SCHEMA = "see that `screening db upgrade` has run with this version, and restart the stations"


class Consequence(StrEnum):
    """What follows from an error of the database."""

    WAIT = "wait"
    """The same work may succeed later, on this connection too."""
    RECONNECT = "reconnect"
    """It may succeed later, on another connection: every pooled one is dropped."""
    REFUSE_VALUE = "refuse value"
    """A value is at fault; it would be so for ever."""
    DEFECT = "defect"
    """The program is at fault: the error goes on as it is."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error is, in words, and what to do about it."""

    consequence: Consequence
    found: str
    advice: str = ""


_WAIT, _RECONNECT = Consequence.WAIT, Consequence.RECONNECT
_READ_ONLY = Failure(
    _RECONNECT,
    "a database that takes no writes",
    "see which server is the primary, and that it is not set to read-only",
)
_VALUE = Failure(Consequence.REFUSE_VALUE, "a value that the database cannot hold")
_DEFECT = Failure(Consequence.DEFECT, "a statement that the database does not understand")
_POOLER = Failure(
    _RECONNECT,
    "a prepared statement that is not there",
    "see deploy/README.md on poolers",
)
_MISSING = Failure(_WAIT, "a table or column missing", _SCHEMA)
_UNKNOWN = Failure(_WAIT, "an error", "see the log of the database")

SQLSTATES: Mapping[str, Failure] = {
    "08": Failure(_RECONNECT, "a broken connection", _UP),
    "0A": Failure(_RECONNECT, "a plan of a schema that has changed", _SCHEMA),
    "21": _DEFECT,
    "22": _VALUE,
    "23": Failure(Consequence.DEFECT, "a constraint violated"),
    "25": Failure(_RECONNECT, "a transaction that cannot go on", _UP),
    "25006": _READ_ONLY,
    "25P03": Failure(_RECONNECT, "a transaction that was idle for too long", ""),
    "25P04": Failure(_RECONNECT, "a transaction that took too long", ""),
    "26": _POOLER,
    "28": Failure(_WAIT, "a login that is refused", "see the user, the password and pg_hba.conf"),
    "3D": Failure(_WAIT, "no database of this name", "see SCREENING_DATABASE_URL"),
    "3F": Failure(_WAIT, "no schema of this name", "see the user's search_path"),
    "40": Failure(_WAIT, "a transaction that had to give way to another"),
    "42": _DEFECT,
    "42501": Failure(_WAIT, "a user who may not do this", "grant the user its rights again"),
    "42703": _MISSING,
    "42883": _MISSING,
    "42P01": _MISSING,
    "42P05": _POOLER,
    "53": Failure(_WAIT, "a database short of resources", "see the log of the database"),
    "53100": Failure(_WAIT, "a full disk", "make room on the disk of the database"),
    "53200": Failure(_WAIT, "a database short of memory", "see what else uses it"),
    "53300": Failure(
        _WAIT, "too many connections", "raise max_connections, or put a pooler before it"
    ),
    "55": Failure(_WAIT, "a table or row that is in use"),
    "55P03": Failure(_WAIT, "a lock that others hold"),
    "57": Failure(_RECONNECT, "an operator who intervened", _UP),
    "57014": Failure(_WAIT, "a statement that was cancelled or took too long"),
    "57P01": Failure(_RECONNECT, "a database that is being shut down", _UP),
    "57P02": Failure(_RECONNECT, "a database that crashed and recovers", _UP),
    "57P03": Failure(_RECONNECT, "a database that takes no connections now", _UP),
    "57P04": Failure(_RECONNECT, "a database that was dropped", "see SCREENING_DATABASE_URL"),
    "58": Failure(_RECONNECT, "an input or output error", "see the disk of the database"),
    "XX": Failure(_RECONNECT, "an internal error or damaged data", "see the log of the database"),
}
"""By SQLSTATE or its class."""

SQLITE_CODES: Mapping[str, Failure] = {
    "SQLITE_ABORT": Failure(_WAIT, "a statement that was cut short"),
    "SQLITE_AUTH": Failure(_WAIT, "a user who may not do this", "see the file's owner and mode"),
    "SQLITE_BUSY": Failure(_WAIT, "a file that others have locked", "see who holds it"),
    "SQLITE_CANTOPEN": Failure(
        _RECONNECT, "a file that cannot be opened", "see its folder, owner and mode"
    ),
    "SQLITE_CONSTRAINT": Failure(Consequence.DEFECT, "a constraint violated"),
    "SQLITE_CORRUPT": Failure(_RECONNECT, "a damaged file", "restore it from the backup"),
    "SQLITE_ERROR": _DEFECT,
    "SQLITE_FORMAT": Failure(_RECONNECT, "a damaged file", "restore it from the backup"),
    "SQLITE_FULL": Failure(_RECONNECT, "a full disk", "make room on the disk of the file"),
    "SQLITE_INTERNAL": Failure(_RECONNECT, "an internal error", "see the disk of the file"),
    "SQLITE_INTERRUPT": Failure(_WAIT, "a statement that was cut short"),
    "SQLITE_IOERR": Failure(_RECONNECT, "an input or output error", "see the disk of the file"),
    "SQLITE_LOCKED": Failure(_WAIT, "a table that others have locked", "see who holds the file"),
    "SQLITE_MISMATCH": _VALUE,
    "SQLITE_MISUSE": _DEFECT,
    "SQLITE_NOLFS": Failure(_WAIT, "a file system without large files", "move the file"),
    "SQLITE_NOMEM": Failure(_WAIT, "too little memory", "see what else uses it"),
    "SQLITE_NOTADB": Failure(
        _RECONNECT, "a file that is no SQLite database", "restore it from the backup"
    ),
    "SQLITE_PERM": Failure(_RECONNECT, "a file that may not be used", "see its owner and mode"),
    "SQLITE_PROTOCOL": Failure(_WAIT, "a file that others have locked", "see who holds it"),
    "SQLITE_RANGE": _DEFECT,
    "SQLITE_READONLY": Failure(
        _RECONNECT, "a file that may not be written", "see its folder, owner, mode and mount"
    ),
    "SQLITE_SCHEMA": Failure(_RECONNECT, "a schema that has changed", _SCHEMA),
    "SQLITE_TOOBIG": _VALUE,
}
"""By SQLite's primary result code."""

WITHOUT_CODE: Mapping[str, Failure] = {
    "DataError": _VALUE,
    "IntegrityError": _DEFECT,
    "InterfaceError": Failure(_RECONNECT, "a connection that is closed", _UP),
    "NotSupportedError": _DEFECT,
    "OperationalError": Failure(_RECONNECT, "no answer", _UP),
    "ProgrammingError": _DEFECT,
}
"""By the driver's class, of errors that the driver raises without having asked the database."""


def failure_of(error: BaseException) -> Failure:
    """Return what follows from an error of the driver."""
    if isinstance(error, sqlite3.Error):
        return _failure_of_sqlite(error)
    state: str | None = getattr(error, "sqlstate", None)
    if state:
        return SQLSTATES.get(state) or SQLSTATES.get(state[:2]) or _UNKNOWN
    return _without_code(error)


def error_to_raise(error: DBAPIError) -> Exception:
    """Return the error of ours that the driver's is, or the error itself where that is a defect.

    A driver's text may hold a row's values, and with them patient attributes: it is left out, but
    where no connection was made at all.
    """
    driver_error = error.orig if error.orig is not None else error
    failure = failure_of(driver_error)
    if error.connection_invalidated and failure.consequence is Consequence.DEFECT:
        failure = SQLSTATES["08"]
    if failure.consequence is Consequence.DEFECT:
        return error
    code = _code(driver_error)
    if failure.consequence is Consequence.REFUSE_VALUE:
        return UnstorableValueError(
            f"expected values that the database can hold, found one that it refuses ({code})"
        )
    said = "" if error.statement or error.connection_invalidated else _saying(driver_error)
    advice = f"; {failure.advice}" if failure.advice else ""
    return DatabaseUnavailableError(
        f"expected the database to answer, found {failure.found} ({code}{said}){advice}"
    )


def _failure_of_sqlite(error: sqlite3.Error) -> Failure:
    name: str | None = getattr(error, "sqlite_errorname", None)
    if name is None:
        return _without_code(error)
    if name == "SQLITE_ERROR" and str(error).startswith(("no such table", "no such column")):
        return _MISSING
    primary = "_".join(name.split("_")[:2])
    return SQLITE_CODES.get(primary, _UNKNOWN)


def _without_code(error: BaseException) -> Failure:
    for klass in type(error).__mro__:
        if klass.__name__ in WITHOUT_CODE:
            return WITHOUT_CODE[klass.__name__]
    return _UNKNOWN


def _code(error: BaseException) -> str:
    state = getattr(error, "sqlstate", None)
    name: str = state or getattr(error, "sqlite_errorname", None) or type(error).__name__
    return name


def _saying(error: BaseException) -> str:
    """Return what the driver says of a connection that was not made: it has seen no row."""
    return (": " + " ".join(str(error).split()))[:_LONGEST_SAYING]
