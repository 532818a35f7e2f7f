"""A receiver of HL7 v2 messages, written with python-hl7: another library than the sender's.

It reads frames and messages by that library, and refuses what the standard does not allow.
"""

import asyncio
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import hl7
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server

ORDER = re.compile(r"MSH(,PID)?,OBR(,OBX)+")
"""ORU^R01 as far as it is used. Source: HL7 v2.5.1 section 7.3.1."""
VALUE_TYPES = {"CWE", "NM", "TX", "ST"}
REQUIRED = {"PID": (3, 5), "OBR": (4,), "OBX": (3, 11)}
"""Source: HL7 v2.5.1 sections 3.4.2, 7.4.1, 7.4.2."""
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
LONGEST = {("OBX", 1): 4, ("OBX", 4): 20, ("MSH", 10): 20}


@dataclass(slots=True)
class Hl7Listener:
    """What came, and what is answered."""

    port: int
    acknowledge: Callable[[hl7.Message], hl7.Message | bytes | None] = lambda m: m.create_ack("AA")
    """Says what to answer: a message, bytes as they are, or nothing and the end."""
    came: list[hl7.Message] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What was against the standard."""
    closes_after_each: bool = False


@contextmanager
def hl7_listener(context: ssl.SSLContext | None = None) -> Iterator[Hl7Listener]:
    """Run the receiver. context: for TLS."""
    listener = Hl7Listener(0)
    loop = asyncio.new_event_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            while await _answered(listener, reader, writer):
                pass
        writer.close()
        tasks.discard(task)

    server = loop.run_until_complete(
        start_hl7_server(serve, host="127.0.0.1", port=0, ssl=context, encoding="utf-8")
    )
    listener.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def stop() -> None:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    try:
        yield listener
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _answered(
    listener: Hl7Listener, reader: HL7StreamReader, writer: HL7StreamWriter
) -> bool:
    message = await reader.readmessage()
    listener.problems += problems(message)
    listener.came.append(message)
    answer = listener.acknowledge(message)
    if answer is None:
        return False
    if isinstance(answer, bytes):
        asyncio.StreamWriter.write(writer, answer)
    else:
        writer.writemessage(answer)
    await writer.drain()
    return not listener.closes_after_each


def problems(message: hl7.Message) -> list[str]:
    """Return what is against the standard in an ORU^R01."""
    header = message.segment("MSH")
    expected = {9: "ORU^R01^ORU_R01", 12: "2.5.1", 18: "UNICODE UTF-8"}
    wrong = [f"MSH-{n}" for n, value in expected.items() if str(header(n)) != value]
    if not re.fullmatch(r"\d{14}[+-]\d{4}", str(header(7))):
        wrong.append("MSH-7")
    names = [str(segment[0]) for segment in message]
    if not ORDER.fullmatch(",".join(names)):
        wrong.append(f"segments {names}")
    for segment in message:
        name = str(segment[0])
        wrong += [f"{name}-{n} absent" for n in REQUIRED.get(name, ()) if not _text(segment, n)]
        wrong += [
            f"{name}-{n} too long"
            for (of, n), longest in LONGEST.items()
            if of == name and len(_text(segment, n)) > longest
        ]
    for number, segment in enumerate(message.segments("OBX"), 1):
        wrong += _observation_problems(number, segment)
    return wrong


def _observation_problems(number: int, segment: hl7.Segment) -> list[str]:
    wrong = []
    if _text(segment, 1) != str(number):
        wrong.append("OBX-1 does not count")
    if _text(segment, 2) not in VALUE_TYPES:
        wrong.append("OBX-2")
    if _text(segment, 2) == "NM" and not NUMBER.fullmatch(_text(segment, 5)):
        wrong.append("OBX-5 is no number")
    return wrong


def _text(segment: hl7.Segment, number: int) -> str:
    return str(segment(number)) if len(segment) > number else ""
