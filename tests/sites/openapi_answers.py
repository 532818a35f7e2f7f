"""Whether an answer is what an OpenAPI document says. Source: OpenAPI 3.1; JSON Schema 2020-12."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
KNOWN = {
    *("$ref", "additionalProperties", "anyOf", "const", "default", "description", "enum", "format"),
    *("items", "maximum", "maxLength", "minimum", "minLength", "pattern", "properties", "required"),
    *("title", "type"),
}
"""Keywords that this knows; a document with another is refused, not passed over."""


def problems_of(document: Mapping[str, Any], answer: httpx.Response) -> list[str]:
    """Return in what an answer differs from what the document says of its operation."""
    (server,) = document["servers"]
    path = answer.request.url.path.removeprefix(server["url"])
    method = answer.request.method.lower()
    operation = _operation(document, path, method)
    told = operation["responses"].get(str(answer.status_code))
    if told is None:
        return [f"{method} {path}: {answer.status_code} is not in the document"]
    if "content" not in told:
        return [] if not answer.content else [f"{method} {path}: a body that is not told"]
    media_type = answer.headers["Content-Type"]
    if media_type not in told["content"]:
        return [f"{method} {path}: {media_type} is not in the document"]
    if not media_type.endswith("json"):
        return []
    schema = told["content"][media_type]["schema"]
    return list(_differences(document, schema, json.loads(answer.content), "answer"))


def _operation(document: Mapping[str, Any], path: str, method: str) -> Mapping[str, Any]:
    for pattern, operations in document["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", pattern), path) and method in operations:
            found: Mapping[str, Any] = operations[method]
            return found
    raise AssertionError(f"{method} {path} is not in the document")


def _differences(
    document: Mapping[str, Any], schema: Mapping[str, Any], value: Any, where: str
) -> Iterator[str]:
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        yield from _differences(document, document["components"]["schemas"][name], value, where)
        return
    if "anyOf" in schema:
        ways = [list(_differences(document, one, value, where)) for one in schema["anyOf"]]
        if all(ways):
            yield from min(ways, key=len)
        return
    kind = schema.get("type")
    fits = kind is None or isinstance(value, TYPES[kind])
    if not fits or (isinstance(value, bool) and kind in {"integer", "number"}):
        yield f"{where}: expected {kind}, found {value!r}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: expected one of {schema['enum']}, found {value!r}"
    if "minimum" in schema and not schema["minimum"] <= value <= schema.get("maximum", value):
        yield f"{where}: {value} is out of range"
    if isinstance(value, list):
        for number, part in enumerate(value):
            yield from _differences(document, schema.get("items", {}), part, f"{where}[{number}]")
    if isinstance(value, dict):
        yield from _of_object(document, schema, value, where)


def _of_object(
    document: Mapping[str, Any], schema: Mapping[str, Any], value: Any, where: str
) -> Iterator[str]:
    missing = set(schema.get("required", ())) - set(value)
    if missing:
        yield f"{where}: without {sorted(missing)}"
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, part in value.items():
        if name in known:
            yield from _differences(document, known[name], part, f"{where}.{name}")
        elif isinstance(others, dict):
            yield from _differences(document, others, part, f"{where}.{name}")
        elif known and others is None:
            yield f"{where}.{name} is not in the document"
