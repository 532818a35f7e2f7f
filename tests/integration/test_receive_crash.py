"""A receiver that dies in mid-object leaves nothing that stays."""

from pathlib import Path

import pytest

from tests.peers.hostile_peer import (
    COMMAND,
    CR_CONTEXT_ID,
    LAST_FRAGMENT,
    hostile_peer,
    p_data,
    store_command,
)
from tests.sites.site import running_site, wait_until

pytestmark = pytest.mark.integration


def test_half_an_object_of_a_killed_receiver_goes_with_the_next_start(tmp_path: Path) -> None:
    """Not an hour later: nobody else receives into this spool."""
    with running_site(tmp_path, bundle_dir=tmp_path / "none") as site:
        incoming = site.settings.spool_dir / "incoming"
        site.start("receive")
        site.wait_for_scp()
        with hostile_peer("127.0.0.1", site.settings.scp_port) as peer:
            peer.associate()
            peer.send(p_data(CR_CONTEXT_ID, COMMAND | LAST_FRAGMENT, store_command()))
            peer.send(p_data(CR_CONTEXT_ID, 0, bytes(100_000)))
            wait_until(lambda: any(p.stat().st_size for p in incoming.iterdir()), "half a file", 20)
            site.kill("receive")
        assert len(list(incoming.iterdir())) == 1
        site.start("receive")
        site.wait_for_scp()
        assert list(incoming.iterdir()) == []
