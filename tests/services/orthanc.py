"""A private Orthanc on free ports: the PACS of the tests."""

import contextlib
import http.client
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.services.servers import ServerAbsentError, free_port
from tests.sites.site import wait_until

DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


class Orthanc:
    """A running Orthanc."""

    ae_title = "ORTHANC"

    def __init__(self, http_port: int, dicom_port: int, pid: int) -> None:
        self._url = f"http://127.0.0.1:{http_port}"
        self.dicom_port = dicom_port
        self.pid = pid

    @property
    def dicomweb_url(self) -> str:
        """The root of its DICOMweb service. Raises ServerAbsentError where it has none."""
        if not DICOMWEB_PLUGIN.is_file():
            raise ServerAbsentError("Orthanc's DICOMweb plug-in is not installed")
        return f"{self._url}/dicom-web"

    def destination(self, **more: str) -> dict[str, Any]:
        """Return the setting of a destination."""
        peer = {"host": "127.0.0.1", "port": self.dicom_port, "ae_title": self.ae_title}
        return {"name": "orthanc", **peer, **more}

    def get(self, path: str) -> bytes:
        """GET from the REST interface."""
        with urllib.request.urlopen(self._url + path, timeout=10) as answer:
            body: bytes = answer.read()
            return body

    def post(self, path: str, body: bytes | Mapping[str, Any]) -> Any:
        """POST bytes, or JSON, to the REST interface; return the JSON it answers.

        A busy Orthanc sometimes closes a connection before it answers: it is asked again, once.
        """
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, method="POST")
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except http.client.RemoteDisconnected:
            answer = urllib.request.urlopen(request, timeout=60)
        with answer:
            return json.load(answer)

    def stow(self, url: str, *, user: str, password: str, study: str) -> Any:
        """Have its DICOMweb plug-in send a study to a server; return the JSON that it answers.

        study: Orthanc's own identifier. Raises HTTPError where not all of it was stored.
        """
        server = {"Url": url, "Username": user, "Password": password}
        named = f"{self.dicomweb_url}/servers/tests"
        request = urllib.request.Request(named, json.dumps(server).encode(), method="PUT")
        urllib.request.urlopen(request, timeout=10).close()
        return self.post("/dicom-web/servers/tests/stow", {"Resources": [study]})

    def instances(self, study_instance_uid: str, modality: str) -> list[bytes]:
        """Return the objects of one modality in a study, as Orthanc gives them back."""
        query = {
            "Level": "Instance",
            "Query": {"StudyInstanceUID": study_instance_uid, "Modality": modality},
        }
        identifiers = self.post("/tools/find", query)
        return [self.get(f"/instances/{identifier}/file") for identifier in identifiers]

    def answers(self) -> bool:
        """Return whether it is up."""
        try:
            self.get("/system")
        except OSError:
            return False
        return True


@contextlib.contextmanager
def private_orthanc(
    folder: Path,
    *,
    modalities: Mapping[str, Mapping[str, Any]] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Iterator[Orthanc]:
    """Run an Orthanc below `folder`. Raises ServerAbsentError where it is not installed.

    modalities: its peers by name, each with AET, Host and Port. more: further configuration.
    """
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise ServerAbsentError("Orthanc is not installed")
    http_port, dicom_port = free_port(), free_port()
    configuration = {
        "Name": "tests",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": Orthanc.ae_title,
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": True,
        "DicomModalities": modalities or {},
        "Plugins": [str(DICOMWEB_PLUGIN)] if DICOMWEB_PLUGIN.is_file() else [],
        **(more or {}),
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(configuration))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(path)], stdout=log, stderr=log)
    orthanc = Orthanc(http_port, dicom_port, process.pid)
    try:
        wait_until(orthanc.answers, "Orthanc to answer")
        yield orthanc
    finally:
        process.terminate()
        process.wait(30)
