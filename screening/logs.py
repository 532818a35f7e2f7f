"""Structured logs: one JSON object a line, constant event names in the past tense.

Identifiers go in as keywords; UIDs yes, patient attributes never.
"""

import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any

import structlog

from screening import errors
from screening.domain.shown_values import shown_uid

STDOUT, STDERR = 1, 2
_LIBRARY_LEVELS = {
    "pydicom": logging.CRITICAL,  # quotes data set values in its messages, as does highdicom
    "highdicom": logging.CRITICAL,
    "pynetdicom": logging.CRITICAL,  # its errors are told by our own events
    "celery": logging.WARNING,
    "celery.worker.consumer.consumer": logging.ERROR,  # a broker that is lost is an event of ours
    "kombu": logging.WARNING,
    "amqp": logging.WARNING,
    "PIL": logging.WARNING,
    "alembic": logging.WARNING,
    "uvicorn": logging.WARNING,
    "httpcore": logging.WARNING,  # would tell headers
}
_WARNS_WITH_VALUES = r"(pydicom|highdicom|pynetdicom|celery)\b"


def configure_logs(level: str, *, station: str) -> None:
    """Send this process's events, and warnings of the libraries, to standard error as JSON.

    level: DEBUG, INFO, WARNING or ERROR; station: bound to every event.
    """

    def add_station(_logger: Any, _name: str, event: structlog.typing.EventDict) -> Any:
        return {"station": station, **event}

    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        add_station,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _uids_that_are_none_left_out,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _tracebacks_without_values,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for library, quietest in _LIBRARY_LEVELS.items():
        logging.getLogger(library).setLevel(quietest)
    warnings.filterwarnings("ignore", module=_WARNS_WITH_VALUES)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    sys.unraisablehook = lambda failed: _log_uncaught(
        failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback
    )
    threading.excepthook = lambda failed: _log_uncaught(
        failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback
    )


@contextmanager
def library_output_logged() -> Iterator[None]:
    """Log each line that a library writes past Python's logging inside the block, at its end.

    TensorFlow's C++ part does while it is loaded. Our own lines are written as they come.
    """
    sys.stderr.flush()
    with ExitStack() as at_end, tempfile.TemporaryFile("w+", errors="replace") as written:
        own = at_end.enter_context(os.fdopen(os.dup(STDERR), "w", buffering=1))
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler):
                at_end.callback(handler.setStream, handler.setStream(own) or sys.stderr)
        for descriptor in (STDOUT, STDERR):
            kept = os.dup(descriptor)
            at_end.callback(os.close, kept)
            at_end.callback(os.dup2, kept, descriptor)
            os.dup2(written.fileno(), descriptor)
        try:
            yield
        finally:
            sys.stderr.flush()
            sys.stdout.flush()
            written.seek(0)
            for line in filter(str.strip, written):
                get_logger().info("library_wrote", text=line.strip())


def _log_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Log what nobody caught, as Python itself would print it, without its text."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        get_logger().critical("uncaught_error", exc_info=(kind, error, traceback))


def _uids_that_are_none_left_out(
    logger: Any, name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Leave out what a peer sent as a UID and is none: it may be any text."""
    del logger, name
    for key, value in event.items():
        if key.endswith("_uid") and value is not None:
            event[key] = shown_uid(str(value))
    return event


def _tracebacks_without_values(
    logger: Any, name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Keep where an exception came from; drop local variables and texts, which may name patients.

    Texts of this project's own errors hold no patient attribute and stay.
    """
    rendered = _TRACEBACKS(logger, name, event)
    for exception in rendered.get("exception", ()):
        if exception["exc_type"] not in _OWN_ERRORS:
            exception["exc_value"] = ""
    return rendered


_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_OWN_ERRORS = {name for name in vars(errors) if name.endswith("Error")}


def get_logger() -> structlog.stdlib.BoundLogger:
    """Return a logger of events."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger
