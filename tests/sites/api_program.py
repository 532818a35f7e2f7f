"""A program that uses the REST interface, each of whose answers is compared with its document."""

import re
from collections.abc import Mapping
from typing import Any

import httpx

from screening.worklist.api.problems import API_PATH, MEANINGS, Problem, type_of
from tests.sites.openapi_answers import problems_of
from tests.sites.web_app import Client

STUDY, OTHER = "1.2.3.4", "1.2.3.5"
PATIENT = "Roe^Richard"
PATH = f"/studies/{STUDY}"


class Program:
    """A client of the interface, each of whose answers is compared with its document."""

    def __init__(self, client: Client, document: Mapping[str, Any]) -> None:
        self.client = client
        self._document = document

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make one request; the answer is what the document says."""
        answer = self.client.ask(method, f"{API_PATH}{path}", **options)
        assert problems_of(self._document, answer) == []
        return answer

    def told(self, path: str, **options: Any) -> Any:
        """Return the JSON of what is there."""
        answer = self.ask("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def problem(self, method: str, path: str, **options: Any) -> Problem:
        """Return which problem a request has; its details are those of the table."""
        answer = self.ask(method, path, **options)
        assert answer.headers["Content-Type"] == "application/problem+json"
        told = answer.json()
        problem = Problem(told["type"].rsplit("/", 1)[1])
        meaning = MEANINGS[problem]
        assert told["type"] == type_of(problem)
        assert (told["title"], told["remedy"]) == (meaning.title, meaning.remedy)
        assert told["status"] == answer.status_code == meaning.status
        assert told["detail"].startswith(("Expected ", "The ", "Only ", "Too ", "This ", "No "))
        assert not {"Doe", "Roe", "script"} & set(re.findall(r"\w+", answer.text))
        return problem
