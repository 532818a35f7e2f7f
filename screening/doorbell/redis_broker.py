"""kombu's Redis transport, to which a Redis that refuses a command is a broker that is away."""

from kombu.transport import redis
from redis.exceptions import ResponseError


class Transport(redis.Transport):  # type: ignore[misc]  # kombu has no types
    """A transport whose connection is as good as lost where a command is refused."""

    connection_errors = (*redis.Transport.connection_errors, ResponseError)
