"""A destination that is reached by HTTP: its address, and how we say who we are."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from screening.delivery.entry import DestinationSettings
from screening.transport.addresses import is_loopback

KEYS_OF = {
    "none": (),
    "basic": ("user", "password_file"),
    "bearer": ("token_file",),
    "oauth": ("oauth_token_url", "oauth_client_id", "oauth_client_secret_file"),
}
"""The keys that each way of saying who we are needs."""
OPTIONAL = {"oauth": ("oauth_scope",)}


class HttpDestinationSettings(DestinationSettings):
    """Where it is, and with which credentials. Secrets are in files."""

    url: str
    timeout_s: float = Field(20, gt=0, le=40)
    """For one report and its answer, in seconds; less than the lease of a delivery."""
    tls_server_name: str = ""
    """The name in its certificate, where that is not the host of the URL."""
    authentication: Literal["none", "basic", "bearer", "oauth"] = "none"
    user: str = ""
    password_file: Path | None = None
    token_file: Path | None = None
    oauth_token_url: str = ""
    oauth_client_id: str = ""
    oauth_client_secret_file: Path | None = None
    oauth_scope: str = ""

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        return _checked(url)

    @field_validator("oauth_token_url")
    @classmethod
    def _is_url_or_empty(cls, url: str) -> str:
        return _checked(url) if url else url

    @field_validator("user")
    @classmethod
    def _is_user(cls, user: str) -> str:
        if ":" in user or not user.isprintable():
            raise ValueError("expected a user's name without a colon (RFC 7617 section 2)")
        return user

    @model_validator(mode="after")
    def _has_its_keys(self) -> Self:
        needed = KEYS_OF[self.authentication]
        allowed = {*needed, *OPTIONAL.get(self.authentication, ())}
        missing = [key for key in needed if not getattr(self, key)]
        if missing:
            raise ValueError(
                f"authentication = {self.authentication} needs {', '.join(missing)}, found none"
            )
        every = {key for keys in (*KEYS_OF.values(), *OPTIONAL.values()) for key in keys}
        if extra := sorted(key for key in every - allowed if getattr(self, key)):
            raise ValueError(
                f"authentication = {self.authentication} does not use {', '.join(extra)}; "
                "take it out, or say which authentication is meant"
            )
        for url in (self.url, self.oauth_token_url) if needed else ():
            self._require_tls(url)
        return self

    @property
    def uses_tls(self) -> bool:
        """Whether any of its addresses is https."""
        return any(url.startswith("https:") for url in (self.url, self.oauth_token_url))

    @staticmethod
    def _require_tls(url: str) -> None:
        parts = urlsplit(url)
        if url and parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise ValueError("expected https, since credentials are sent along; found http")


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected a URL such as https://host/path")
    if parts.username is not None or parts.query or parts.fragment or not url.isprintable():
        raise ValueError("expected a URL without user, password, query or fragment")
    _ = parts.port  # raises ValueError where it is none
    return url
