"""Structured logs: one JSON object a line, constant event names in the past tense.

Identifiers go in as keywords; UIDs yes, patient attributes never.
"""

import logging
import sys

import structlog


def configure_logs(level: str, *, station: str) -> None:
    """Send this process's events, and warnings of the libraries, to standard error as JSON.

    level: DEBUG, INFO, WARNING or ERROR; station: bound to every event.
    """
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
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
                structlog.processors.dict_tracebacks,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for library in ("pydicom", "pynetdicom", "celery", "kombu", "PIL", "highdicom", "amqp"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # pydicom and pynetdicom quote data set values in their messages
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    structlog.contextvars.bind_contextvars(station=station)


def get_logger() -> structlog.stdlib.BoundLogger:
    """Return a logger of events."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger
