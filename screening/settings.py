"""All settings, read at the edge of a process from the environment and one TOML file.

An environment variable SCREENING_NAME wins over `name` in the TOML file, which wins over the
default. The file is `screening.toml` in the working directory, or what SCREENING_CONFIG names.
`docs/configuration.md` is compared with this module by a test.
"""

import json
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from screening.delivery.choice import read_destination
from screening.delivery.entry import DestinationSettings
from screening.delivery.kind import Site
from screening.delivery.route_check import SiteNames, problems
from screening.delivery.routing import Route, Routing
from screening.domain.backoff import BACKOFFS, Backoff, Retried
from screening.domain.heat_map import HeatMapsWanted
from screening.domain.viewer_link import check_viewer_template
from screening.errors import SettingsError
from screening.transport.tls import Credentials

PREFIX = "SCREENING_"
CONFIG_VARIABLE = "SCREENING_CONFIG"
DEFAULT_CONFIG = Path("screening.toml")
NOT_SETTINGS = frozenset({CONFIG_VARIABLE, "SCREENING_DATA"})
"""Variables with the prefix that are no settings: the file's place, and the tests' images."""
REPORTS_FOLDER_NAME = "reports-folder"
"""The name of the destination that `reports_folder` stands for."""
FOLLOWED = frozenset({"destinations", "reports_folder", "routes"})
"""Settings that a running station follows when the file changes (`screening.followed_settings`)."""
BACKOFF_SETTINGS: Mapping[Retried, tuple[str, str]] = {
    Retried.CLASSIFICATION: ("retry_first_s", "retry_longest_s"),
    Retried.DELIVERY: ("retry_first_s", "retry_longest_s"),
    Retried.PROBE: ("retry_first_s", "breaker_longest_s"),
    Retried.COMMITMENT: ("retry_first_s", "retry_longest_s"),
    Retried.COMMITMENT_REQUEST: ("retry_first_s", "retry_longest_s"),
    Retried.STEP_REPORT: ("retry_first_s", "retry_longest_s"),
}
"""The settings that stand for the first and the longest wait; the others are fixed."""


def _ae_title(value: str) -> str:
    title = value.strip()
    if not 1 <= len(title) <= 16 or not title.isascii() or "\\" in title:  # noqa: PLR2004
        raise ValueError(
            f"expected an AE title of 1 to 16 ASCII characters without backslash "
            f"(PS3.5 6.2), found {value!r}"
        )
    return title


def _comma_separated(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _from_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"expected a JSON list, found invalid JSON: {error}") from None


def _of_its_kind(value: object) -> object:
    return read_destination(value) if isinstance(value, Mapping) else value


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError as error:
        raise ValueError(
            f"expected IP addresses and networks such as 10.1.2.3 or 10.1.0.0/16, found: {error}"
        ) from None


def _not_everybody(value: str) -> str:
    if ip_network(value).prefixlen == 0:
        raise ValueError(
            "expected the proxies' addresses, found a network that contains every address"
        )
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(
            f"expected an IANA time zone such as Europe/Berlin, found {value!r}"
        ) from None
    return value


AETitle = Annotated[str, AfterValidator(_ae_title)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Network = Annotated[str, AfterValidator(_network)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
AETitles = Annotated[tuple[AETitle, ...], NoDecode, BeforeValidator(_comma_separated)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_comma_separated)]
ProxyNetworks = Annotated[
    tuple[Annotated[Network, AfterValidator(_not_everybody)], ...],
    NoDecode,
    BeforeValidator(_comma_separated),
]
ViewerTemplate = Annotated[str, AfterValidator(check_viewer_template)]
Port = Annotated[int, Field(ge=0, le=65535)]
RuntimeName = Literal["tensorflow", "openvino"]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]


class Peer(BaseModel):
    """Where a DICOM peer listens.

    tls_server_name: the name its certificate carries, where that is not `host`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: int = Field(ge=1, le=65535)
    ae_title: AETitle
    tls: bool = False
    tls_server_name: str = ""


class StowClient(BaseModel):
    """Who may send by STOW-RS.

    ae_title: the calling AE title that its objects get. token_file: the file of its token.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ae_title: AETitle
    token_file: Path


class UpsPeer(BaseModel):
    """An AE that may ask for Unified Procedure Steps.

    host, port: where it listens for reports of events; without them it hears of none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ae_title: AETitle
    host: str = ""
    port: int = Field(0, ge=0, le=65535)
    tls: bool = False
    tls_server_name: str = ""

    @property
    def address(self) -> Peer | None:
        """Where it listens; None: nowhere."""
        if not (self.host and self.port):
            return None
        return Peer(
            host=self.host,
            port=self.port,
            ae_title=self.ae_title,
            tls=self.tls,
            tls_server_name=self.tls_server_name,
        )


StowClients = Annotated[tuple[StowClient, ...], NoDecode, BeforeValidator(_from_json)]
CommitmentPeers = Annotated[tuple[Peer, ...], NoDecode, BeforeValidator(_from_json)]
UpsPeers = Annotated[tuple[UpsPeer, ...], NoDecode, BeforeValidator(_from_json)]
RetrieveTitle = Annotated[str, AfterValidator(lambda value: _ae_title(value) if value else "")]
WorklistLabel = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\\]*$")]
AnyDestination = Annotated[DestinationSettings, BeforeValidator(_of_its_kind)]
Destinations = Annotated[tuple[AnyDestination, ...], NoDecode, BeforeValidator(_from_json)]
Routes = Annotated[tuple[Route, ...], NoDecode, BeforeValidator(_from_json)]


class Settings(BaseSettings):
    """What a process is told; frozen, passed explicitly, never global."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid"
    )

    data_dir: Path = Field(
        Path("screening-data"),
        description="Folder of the spool, the reports and, by default, the database and the "
        "bundles",
    )
    database_url: str = Field(
        "",
        description="SQLAlchemy URL; empty: SQLite in the data folder",
        json_schema_extra={"secret": True},
    )
    broker_url: str = Field(
        "",
        description="Celery broker URL, such as redis://host:6379/0; empty: embedded, no server",
        json_schema_extra={"secret": True},
    )
    bundle_dir: Path | None = Field(
        None, description="Folder of the site's bundles; empty: bundles in the data folder"
    )

    scp_host: str = Field("127.0.0.1", description="Address the Storage SCP listens on")
    scp_port: Port = Field(11112, description="Port the Storage SCP listens on")
    ae_title: AETitle = Field("SCREENING", description="AE title of the SCP and of our SCUs")
    allowed_calling_ae_titles: AETitles = Field(
        (), description="Calling AE titles that may associate, separated by commas; empty: all"
    )
    require_called_ae_title: bool = Field(
        False, description="Reject associations whose called AE title is not ours"
    )
    allowed_addresses: Networks = Field(
        (),
        description="IP addresses and networks (CIDR) that may connect, separated by commas; "
        "empty: all",
    )
    scp_trusted_proxies: ProxyNetworks = Field(
        (),
        description="TCP proxies in front of the SCP, whose connections begin with a PROXY header",
    )
    extra_sop_classes: Words = Field(
        (), description="Further Storage SOP class UIDs to accept, separated by commas"
    )
    max_associations: int = Field(50, ge=1, description="Associations served at once")
    scp_processes: int = Field(
        1, ge=1, le=32, description="Processes that serve associations on the port"
    )
    max_half_open_per_address: int = Field(
        64, ge=1, description="Connections without an association that one address may hold"
    )
    artim_timeout_s: float = Field(
        5,
        gt=0,
        description="Seconds a new connection has for TLS and its association request",
    )
    max_object_mib: int = Field(
        256, ge=1, description="Largest object accepted, in MiB of encoded data set"
    )
    min_free_mib: int = Field(
        256,
        ge=0,
        description="Free space of the spool, in MiB, below which the SCP accepts nothing more",
    )
    scp_tls: Literal["off", "server", "mutual"] = Field(
        "off",
        description="TLS of the Storage SCP; mutual: peers must present a trusted certificate",
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file with our certificate and its chain, as SCP and as SCU"
    )
    tls_private_key: Path | None = Field(
        None, description="PEM file with our certificate's private key, without a passphrase"
    )
    tls_trusted_certificates: Path | None = Field(
        None,
        description="PEM file with the certificates that we trust; empty: the system's, for "
        "destinations only",
    )

    stow_port: Port | None = Field(
        None, description="Port that takes images by STOW-RS; empty: none does"
    )
    stow_host: str = Field("127.0.0.1", description="Address that port is on")
    stow_clients: StowClients = Field(
        (),
        description="Who may send by STOW-RS: calling AE title and file of the token (JSON list, "
        "or tables in the file)",
    )
    stow_trusted_proxies: ProxyNetworks = Field(
        (),
        description="Addresses or networks of the reverse proxies through which alone STOW-RS "
        "is reached, separated by commas; empty: no proxy",
    )
    stow_max_requests: int = Field(20, ge=1, le=1000, description="STOW-RS requests served at once")

    commitment_peers: CommitmentPeers = Field(
        (),
        description="Where peers that request Storage Commitment receive the result (JSON "
        "list, or tables in the file)",
    )
    ups_peers: UpsPeers = Field(
        (),
        description="AE titles that may work from the list by Unified Procedure Step (JSON list, "
        "or tables in the file); empty: none",
    )
    ups_worklist_label: WorklistLabel = Field(
        "CHEST RADIOGRAPHS", description="Worklist Label of the procedure steps"
    )
    ups_retrieve_ae_title: RetrieveTitle = Field(
        "",
        description="AE title from which the images and reports that steps refer to can be "
        "retrieved; empty: steps name none",
    )
    retention_days: float | None = Field(
        None,
        gt=0,
        description="Days after which finished images leave the spool; empty: never",
    )

    allow_for_processing: bool = Field(False, description="Also classify DX images For Processing")
    minimum_age_years: float | None = Field(
        None, ge=0, description="Youngest patient classified, in years; empty: no limit"
    )
    batch_size: int = Field(8, ge=1, le=256, description="Images claimed and classified together")
    runtime: RuntimeName = Field(
        "tensorflow",
        description="What computes the networks; openvino: faster on a CPU, needs the extra "
        "openvino",
    )
    decode_threads: int = Field(2, ge=1, le=64, description="Threads that decode a batch")
    lease_s: float = Field(
        30, gt=0, le=600, description="Seconds a lease lasts unless its worker renews it"
    )
    sweep_interval_s: float = Field(
        10, gt=0, le=30, description="Seconds between sweeps for work that no message announced"
    )
    retry_first_s: float = Field(
        BACKOFFS[Retried.CLASSIFICATION].first_s,
        gt=0,
        description="Longest wait before the second attempt, in seconds; doubles each time",
    )
    retry_longest_s: float = Field(
        BACKOFFS[Retried.CLASSIFICATION].longest_s,
        gt=0,
        description="Longest wait between two attempts, in seconds",
    )

    destinations: Destinations = Field(
        (), description="Destinations of the reports (JSON list, or tables in the file)"
    )
    routes: Routes = Field(
        (),
        description="Which result goes to which destination (JSON list, or tables in the file); "
        "empty: every result to every destination",
    )
    breaker_failures: int = Field(
        5, ge=1, description="Consecutive failures after which a destination is only probed"
    )
    breaker_longest_s: float = Field(
        BACKOFFS[Retried.PROBE].longest_s,
        gt=0,
        description="Longest wait between two probes of a failing destination, in seconds",
    )
    reports_folder: bool = Field(
        True, description="Also write every report to the folder reports in the data folder"
    )
    time_zone: TimeZone = Field(
        "",
        description="Time zone of reports, where the image names no offset from UTC; empty: "
        "the machine's",
    )
    commitment_timeout_s: float = Field(
        3600,
        gt=0,
        description="Seconds a destination has to answer whether it keeps a report",
    )

    web_host: str = Field("127.0.0.1", description="Address the worklist page listens on")
    web_port: Port = Field(8080, description="Port the worklist page listens on")
    web_authentication: Literal["none", "password", "proxy"] = Field(
        "none", description="How readers log in: not at all, by password, or at a proxy"
    )
    web_users_file: Path | None = Field(
        None, description="Password file of the page; empty: web-users in the data folder"
    )
    web_session_hours: float = Field(
        10, gt=0, le=168, description="Hours after which a reader must log in again"
    )
    web_tls_certificate: Path | None = Field(
        None, description="PEM file of the page's TLS certificate and its chain; empty: no TLS"
    )
    web_tls_key: Path | None = Field(
        None, description="PEM file of the certificate's private key, without a passphrase"
    )
    web_behind_proxy: bool = Field(
        False, description="A reverse proxy that terminates TLS is the only way to the page"
    )
    web_trusted_proxies: ProxyNetworks = Field(
        (), description="Addresses or networks of the reverse proxies, separated by commas"
    )
    web_user_header: HeaderName = Field(
        "X-Forwarded-User", description="Header in which the proxy names the user"
    )
    web_groups_header: HeaderName = Field(
        "X-Forwarded-Groups",
        description="Header in which the proxy lists the user's groups, separated by commas",
    )
    web_reader_groups: Words = Field(
        (), description="Groups that may read, separated by commas; empty: every user of the proxy"
    )
    web_operator_groups: Words = Field(
        (), description="Groups that may also operate, separated by commas; empty: nobody"
    )
    web_viewer_url: ViewerTemplate = Field(
        "",
        description="Address of a study in your viewer, with {study_instance_uid}; empty: no link",
    )
    web_preview_dir: Path | None = Field(
        None,
        description="Folder of the pictures that the page shows; empty: previews in the spool",
    )
    web_preview_mib: int = Field(
        256, ge=1, description="Largest size of that folder, in MiB; what was unused longest goes"
    )
    heat_maps: HeatMapsWanted = Field(
        HeatMapsWanted.ON_REQUEST,
        description="When heat-maps are computed: off, on-request or at-classification",
    )
    waiting_cap_hours: float | None = Field(
        None,
        gt=0,
        le=8760,
        description="Hours after which an unread study goes ahead of all others; empty: never",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Lowest severity that is logged"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of precedence: command line, environment, file, default."""
        del settings_cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings

    def backoff(self, retried: Retried) -> Backoff:
        """Return the waits that this installation gives to what is tried again."""
        default = BACKOFFS[retried]
        if retried not in BACKOFF_SETTINGS:
            return default
        first, longest = BACKOFF_SETTINGS[retried]
        return replace(default, first_s=getattr(self, first), longest_s=getattr(self, longest))

    @property
    def resolved_database_url(self) -> str:
        """The database's URL with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'screening.db'}"

    @property
    def resolved_bundle_dir(self) -> Path:
        """The folder of the site's bundles with the default filled in."""
        return self.bundle_dir or self.data_dir / "bundles"

    @property
    def waiting_cap(self) -> timedelta | None:
        """How long a study may wait before it goes ahead of all others; None: no limit."""
        hours = self.waiting_cap_hours
        return None if hours is None else timedelta(hours=hours)

    @property
    def resolved_web_users_file(self) -> Path:
        """The password file of the page with the default filled in."""
        return self.web_users_file or self.data_dir / "web-users"

    @property
    def spool_dir(self) -> Path:
        """The folder of received objects."""
        return self.data_dir / "spool"

    @property
    def resolved_web_preview_dir(self) -> Path:
        """The folder of the page's pictures with the default filled in."""
        return self.web_preview_dir or self.spool_dir / "previews"

    @property
    def embedded_broker_dir(self) -> Path:
        """The folder of the embedded broker's messages."""
        return self.data_dir / "broker"

    @property
    def tls_credentials(self) -> Credentials:
        """The files that TLS needs, in both roles."""
        return Credentials(
            self.tls_certificate, self.tls_private_key, self.tls_trusted_certificates
        )

    @property
    def reports_dir(self) -> Path:
        """The folder that reports are written to."""
        return self.data_dir / "reports"

    @property
    def all_destinations(self) -> tuple[DestinationSettings, ...]:
        """The destinations, and the reports folder as one more where it is wanted."""
        if not self.reports_folder:
            return self.destinations
        folder = {"name": REPORTS_FOLDER_NAME, "kind": "folder", "folder": self.reports_dir}
        return *self.destinations, read_destination(folder)

    @property
    def routing(self) -> Routing:
        """Which result goes to which destination."""
        return Routing(self.routes, frozenset({REPORTS_FOLDER_NAME}))

    @property
    def site(self) -> Site:
        """What a destination needs to know of us."""
        return Site(self.ae_title, self.tls_credentials)


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """One setting, its value as it may be shown, and where it comes from."""

    name: str
    value: str
    origin: str
    meaning: str


def config_path() -> Path | None:
    """Return the TOML file in force, None where there is none.

    Raises SettingsError where SCREENING_CONFIG names a file that is not there.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise SettingsError(
                f"{CONFIG_VARIABLE}: expected a TOML file, found none at {named}; "
                "correct the path or unset the variable"
            )
        return Path(named)
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def load_settings(**overrides: Any) -> Settings:
    """Read environment and file; `overrides` come from the command line and win.

    Raises SettingsError naming each wrong setting, its origin and what was expected.
    """
    values = _file_values()
    in_environment = {name.lower() for name in _environment_names()}
    file_only = {key: value for key, value in values.items() if key not in in_environment}
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        settings = Settings(**{**file_only, **given})
    except ValidationError as error:
        raise SettingsError(_explain(error, file_only)) from None
    _check_database_url(settings)
    folder = [REPORTS_FOLDER_NAME] if settings.reports_folder else []
    _check_unique("destinations", [*(one.name for one in settings.destinations), *folder])
    _check_unique("commitment_peers", [one.ae_title for one in settings.commitment_peers])
    _check_unique("stow_clients", [one.ae_title for one in settings.stow_clients])
    _check_unique("ups_peers", [one.ae_title for one in settings.ups_peers])
    _check_routes(settings)
    return settings


def settings_in_force(settings: Settings) -> list[SettingInForce]:
    """List every setting with its value, secrets masked, and its origin."""
    file, names = _file_values(), {name.lower() for name in _environment_names()}
    return [
        SettingInForce(
            name=name,
            value=_shown(name, getattr(settings, name)),
            origin=_origin(name, file, names),
            meaning=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def unknown_variables() -> list[str]:
    """Return variables with our prefix that are no setting: most likely misspelt."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | NOT_SETTINGS
    return sorted(v for v in os.environ if v.upper().startswith(PREFIX) and v.upper() not in known)


def overridden_in_file() -> list[str]:
    """Return the settings of the file for which an environment variable says otherwise, sorted."""
    in_environment = {name.lower() for name in _environment_names()}
    return sorted(in_environment.intersection(_file_values()))


def child_environment(settings: Settings, **extra: str) -> dict[str, str]:
    """Return the environment for a station's process that must see the same settings.

    What stations follow stays in the file, which they read themselves.
    """
    followed = FOLLOWED & _file_values().keys() - set(overridden_in_file())
    explicit = {
        PREFIX + name.upper(): _as_variable(getattr(settings, name))
        for name in settings.model_fields_set - followed
        if getattr(settings, name) is not None
    }
    return {**os.environ, **explicit, **extra}


def choose_runtime(runtime: RuntimeName = "tensorflow") -> None:
    """Have Keras run on this, and quietly; works only before Keras is loaded.

    Raises SettingsError where Keras is loaded already and runs on anything else.
    """
    loaded = sys.modules.get("keras")
    if loaded is not None and loaded.backend.backend() != runtime:
        raise SettingsError(
            f"expected Keras to run on {runtime}, found it loaded already with "
            f"{loaded.backend.backend()}; choose the runtime before anything loads Keras"
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = runtime
    # Importing OpenVINO would tell its makers so, over the internet.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def _environment_names() -> set[str]:
    """Names of settings that the environment gives, without the prefix; empty ones do not count."""
    return {
        variable[len(PREFIX) :]
        for variable, value in os.environ.items()
        if variable.upper().startswith(PREFIX) and value
    }


def _file_values() -> dict[str, Any]:
    path = config_path()
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: expected a TOML file, found: {error}; correct it") from error


def _explain(error: ValidationError, file_values: Mapping[str, Any]) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        name = str(problem["loc"][0]) if problem["loc"] else "?"
        where = ".".join(str(part) for part in problem["loc"])
        source = "in the file" if name in file_values else PREFIX + name.upper()
        if problem["type"] == "extra_forbidden":
            lines.append(f"{where}: no such setting ({source}); `screening settings` lists them")
        else:
            lines.append(f"{where} ({source}): {problem['msg']}")
    return "settings: " + "; ".join(lines)


def _check_database_url(settings: Settings) -> None:
    try:
        dialect = make_url(settings.resolved_database_url).get_backend_name()
    except ArgumentError:
        raise SettingsError(
            "database_url: expected an SQLAlchemy URL such as "
            "postgresql+psycopg://user@host/name, found something else; correct it"
        ) from None
    if dialect not in {"sqlite", "postgresql"}:
        raise SettingsError(f"database_url: expected sqlite or postgresql, found {dialect}")


def _check_unique(setting: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"{setting}: expected unique names, found twice: {twice}")


def _check_routes(settings: Settings) -> None:
    names = SiteNames(
        destinations=[one.name for one in settings.destinations],
        every=settings.routing.every,
        calling_ae_titles=settings.allowed_calling_ae_titles,
    )
    if found := problems(settings.routes, names):
        raise SettingsError(f"routes: {'; '.join(found)}")


def _origin(name: str, file: Mapping[str, Any], environment: set[str]) -> str:
    if name in environment:
        return PREFIX + name.upper()
    if name in file:
        return str(config_path())
    return "default"


def _shown(name: str, value: object) -> str:
    extra = Settings.model_fields[name].json_schema_extra
    if isinstance(extra, dict) and extra.get("secret") and value:
        return make_url(str(value)).render_as_string(hide_password=True)
    return _as_variable(value)


def _as_variable(value: object) -> str:
    """Return a value in the form an environment variable takes."""
    if isinstance(value, tuple):
        if all(isinstance(part, str) for part in value):
            return ",".join(value)
        parts = [part.model_dump_json() for part in value if isinstance(part, BaseModel)]
        return "[" + ",".join(parts) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
