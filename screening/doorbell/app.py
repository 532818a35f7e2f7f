"""The Celery app. A message only says "there is work"; the rows say which (design, promise 2)."""

from typing import Any

from celery import Celery

from screening.doorbell.embedded import TRANSPORT
from screening.doorbell.names import TASK_OF_QUEUE
from screening.settings import Settings

REDIS_SCHEMES = ("redis://", "rediss://")
REDIS_TRANSPORT = "screening.doorbell.redis_broker:Transport"
"""Loaded by kombu where the broker is Redis, which takes a tenth of a second."""
BROKER_TIMEOUT_S = 3
VISIBILITY_TIMEOUT_S = 300
"""How long Redis keeps an unacknowledged message back; longer than any task runs."""
POLLING_INTERVAL_S = 0.25
UNLIMITED = 0
"""kombu's Redis transport stops listening to a worker's socket while as many messages as may be
prefetched wait for their acknowledgement. One whose acknowledgement failed waits for ever, so any
limit makes a worker deaf that Redis left in mid-work. A worker reads one message at a time anyhow,
between two pieces of work."""


def make_celery_app(settings: Settings) -> Celery:
    """Return a Celery app on the configured broker: JSON only, late acknowledgement, no results."""
    app = Celery("screening", set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        task_routes={task: {"queue": queue.value} for queue, task in TASK_OF_QUEUE.items()},
        worker_prefetch_multiplier=UNLIMITED,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=BROKER_TIMEOUT_S,
        broker_channel_error_retry=True,  # a broker that refuses is waited for, too
        worker_cancel_long_running_tasks_on_connection_loss=False,
        **_broker(settings),
    )
    return app


def _broker(settings: Settings) -> dict[str, Any]:
    if settings.broker_url:
        is_redis = settings.broker_url.startswith(REDIS_SCHEMES)
        return {
            "broker_url": settings.broker_url,
            **({"broker_transport": REDIS_TRANSPORT} if is_redis else {}),
            "broker_transport_options": {
                "visibility_timeout": VISIBILITY_TIMEOUT_S,
                "unacked_restore_throttle": 1,
                "socket_connect_timeout": BROKER_TIMEOUT_S,
                "socket_keepalive": True,
            },
        }
    messages = settings.embedded_broker_dir / "messages"
    control = settings.embedded_broker_dir / "control"
    for folder in (messages, control):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "broker_url": "filesystem://localhost",
        "broker_transport": TRANSPORT,
        "broker_transport_options": {
            "data_folder_in": str(messages),
            "data_folder_out": str(messages),
            "control_folder": str(control),
            "polling_interval": POLLING_INTERVAL_S,
        },
    }
