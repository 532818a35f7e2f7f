"""The loads, one row each, with the figures of the full form and of the short one."""

from tests.load import burst, pressure, soak
from tests.load.trial import Load

LOADS = (
    Load("associations", soak.associations, full=10_000, short=200),
    Load("TCP probes", soak.probes, full=10_000, short=500),
    Load("classifications", soak.classifications, full=10_000, short=150),
    Load("burst", burst.burst, full=2000, short=200),
    Load("back-pressure", pressure.back_pressure, full=600, short=8),
)
"""How many associations, probes, images, objects; seconds of intake of the last."""
