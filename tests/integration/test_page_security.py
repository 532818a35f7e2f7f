"""The page as a process, reached as others reach it: by TLS, through a proxy, or not at all."""

import json
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.services.certificates import Identity, self_signed
from tests.sites.page_site import PATIENT, site_with_a_study, start_page
from tests.sites.site import running_site, wait_until
from tests.sites.web_app import PASSWORDS, form_token

pytestmark = pytest.mark.integration
LEGACY = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384")


@pytest.fixture
def certificate(tmp_path: Path) -> Identity:
    """Return a certificate for this machine."""
    return self_signed(tmp_path)


def tls_variables(certificate: Identity) -> dict[str, str]:
    """Return the settings of a page that others reach by TLS."""
    return {
        "SCREENING_WEB_HOST": "0.0.0.0",  # noqa: S104
        "SCREENING_WEB_AUTHENTICATION": "password",
        "SCREENING_WEB_TLS_CERTIFICATE": str(certificate.certificate),
        "SCREENING_WEB_TLS_KEY": str(certificate.private_key),
        "SCREENING_LOG_LEVEL": "DEBUG",
    }


def test_readers_log_in_by_tls_from_elsewhere(tmp_path: Path, certificate: Identity) -> None:
    """The whole way with a checked certificate; the log names users, no patient and no password."""
    with site_with_a_study(tmp_path, **tls_variables(certificate)) as site:
        address = f"https://localhost:{start_page(site)}"
        trusted = ssl.create_default_context(cafile=certificate.certificate)
        with httpx.Client(base_url=address, verify=trusted) as client:
            assert client.get("/api/v1/worklist").status_code == 401
            token = form_token(client.get("/login").text)
            fields = {"form_token": token, "name": "rita", "password": PASSWORDS["rita"]}
            answer = client.post("/login", data=fields)
            assert "__Host-screening-session" in client.cookies
            assert answer.headers["Strict-Transport-Security"]
            page = client.get("/")
            assert PATIENT in page.text
            assert client.get("/studies/1.2.3").status_code == 200
            assert client.get("/operations").status_code == 403
            client.post("/logout", data={"form_token": form_token(page.text)})
            assert client.get("/").status_code == 303
        read = httpx.get(f"{address}/metrics", auth=("otto", PASSWORDS["otto"]), verify=trusted)
        assert "screening_instances_received 1.0" in read.text
        site.stop()
        log = site.log("web")
        assert "login_succeeded" in log
        for secret in (PATIENT, "1.2.3", *PASSWORDS.values()):
            assert secret not in log


def test_tls_is_new_and_strong_and_nothing_else_is_spoken(
    tmp_path: Path, certificate: Identity
) -> None:
    """TLS 1.2 and 1.3 with forward secrecy; no older version, no old cipher, no plain HTTP."""
    with site_with_a_study(tmp_path, **tls_variables(certificate)) as site:
        port = start_page(site)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            assert handshake(port, certificate, version) is not None
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            assert handshake(port, certificate, ssl.TLSVersion.TLSv1_1) is None
        for cipher in LEGACY:
            assert handshake(port, certificate, ssl.TLSVersion.TLSv1_2, cipher) is None
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://localhost:{port}/login")


def handshake(
    port: int, certificate: Identity, version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0"
) -> str | None:
    """Return the version agreed on, None where the page refuses."""
    context = ssl.create_default_context(cafile=certificate.certificate)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(ciphers)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
            context.wrap_socket(connection, server_hostname="localhost") as secured,
        ):
            return secured.version()
    except (ssl.SSLError, ConnectionError):
        return None


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"SCREENING_WEB_HOST": "0.0.0.0"}, "must know who reads"),  # noqa: S104
        (
            {"SCREENING_WEB_HOST": "0.0.0.0", "SCREENING_WEB_AUTHENTICATION": "password"},  # noqa: S104
            "need TLS",
        ),
        (
            {
                "SCREENING_WEB_TLS_CERTIFICATE": "absent.crt",
                "SCREENING_WEB_TLS_KEY": "absent.key",
            },
            "expected a PEM certificate",
        ),
        (
            {"SCREENING_WEB_AUTHENTICATION": "password", "SCREENING_WEB_USERS_FILE": "absent"},
            "expected the password file",
        ),
    ],
    ids=["open", "plain", "no certificate", "no users"],
)
def test_an_unsafe_page_does_not_start(
    tmp_path: Path, variables: dict[str, str], complaint: str
) -> None:
    """Exit status 2 and one line that says what to set."""
    with running_site(tmp_path, bundle_dir=tmp_path, **variables) as site:
        ended = site.run("run", "web", check=False)
    assert ended.returncode == 2
    assert complaint in ended.stderr.splitlines()[-1]


def test_a_key_that_is_not_the_certificates_or_open_to_all_is_refused(
    tmp_path: Path, certificate: Identity
) -> None:
    """Before anything is served."""
    other = self_signed(tmp_path, "other")
    wrong = tls_variables(Identity(certificate.certificate, other.private_key))
    with site_with_a_study(tmp_path, **wrong) as site:
        ended = site.run("run", "web", check=False)
        assert (ended.returncode, "expected a PEM certificate" in ended.stderr) == (2, True)
        site.variables |= tls_variables(certificate)
        certificate.private_key.chmod(0o644)
        ended = site.run("run", "web", check=False)
        assert (ended.returncode, "chmod o=" in ended.stderr) == (2, True)


def test_a_page_behind_a_proxy_believes_the_proxy_alone(tmp_path: Path) -> None:
    """From 127.0.0.1, the proxy here, headers count; to another address nothing is answered."""
    with site_with_a_study(
        tmp_path,
        SCREENING_WEB_HOST="0.0.0.0",  # noqa: S104
        SCREENING_WEB_AUTHENTICATION="proxy",
        SCREENING_WEB_BEHIND_PROXY="true",
        SCREENING_WEB_TRUSTED_PROXIES="127.0.0.1",
    ) as site:
        port = start_page(site)
        headers = {"X-Forwarded-User": "ann", "X-Forwarded-For": "10.9.9.9"}
        assert PATIENT in httpx.get(f"http://127.0.0.1:{port}/", headers=headers).text
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 401
        other = f"http://127.0.0.2:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2")) as elsewhere:
            answer = elsewhere.get(f"{other}/", headers=headers)
            assert (answer.status_code, PATIENT in answer.text) == (403, False)
            assert elsewhere.get(f"{other}/healthz").status_code == 200


def test_users_are_managed_without_a_password_on_the_command_line(tmp_path: Path) -> None:
    """Added, listed, changed, removed; a short password and a taken name are refused."""
    with site_with_a_study(tmp_path) as site:
        assert site.json("users", "list") == [
            {"name": "rita", "role": "reader"},
            {"name": "otto", "role": "operator"},
        ]
        command = [sys.executable, "-m", "screening", "users", "add"]
        for arguments, password, complaint in (
            (["new"], "short\n", "expected 12 to 1024"),
            (["rita"], PASSWORDS["rita"] + "\n", "--replace changes that user"),
            (["new"], "", "expected 12 to 1024"),
        ):
            ended = subprocess.run(
                [*command, *arguments],
                env=site.environment,
                cwd=site.folder,
                input=password,
                text=True,
                check=False,
                capture_output=True,
            )
            assert (ended.returncode, complaint in ended.stderr) == (2, True)
        site.run("users", "remove", "rita")
        assert site.json("users", "list") == [{"name": "otto", "role": "operator"}]
        assert site.run("users", "remove", "rita", check=False).returncode == 2
        stored = (tmp_path / "data" / "web-users").read_text()
        assert PASSWORDS["otto"] not in stored


def test_up_starts_a_page_with_tls(tmp_path: Path, certificate: Identity) -> None:
    """`screening up` sees that its page answers, and prints the right address."""
    with site_with_a_study(tmp_path, **tls_variables(certificate)) as site:
        port = start_page(site)
        probe = (
            "from screening.cli.running.up_session import _page_answers, _page_address\n"
            "from screening.settings import load_settings\n"
            "settings = load_settings()\n"
            "print(_page_answers(settings), _page_address(settings))"
        )
        wait_until(
            lambda: httpx.get(f"https://localhost:{port}/healthz", verify=False).is_success,  # noqa: S501
            "the page",
        )
        printed = subprocess.run(
            [sys.executable, "-c", probe],
            env=site.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        assert printed.stdout.split() == ["True", f"https://127.0.0.1:{port}/"]
        settings = {
            one["name"]: one["value"] for one in json.loads(site.run("settings", "--json").stdout)
        }
        assert settings["web_authentication"] == "password"
