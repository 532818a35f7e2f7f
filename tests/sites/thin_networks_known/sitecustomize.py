"""Every process that has this folder on PYTHONPATH knows the thin networks of `tests.bundles`.

For stations that are no forks of `tests.sites.prefork`: those of `screening up`.
"""

import sys

from tests.bundles.thin_hook import know_thin_networks

sys.addaudithook(know_thin_networks)
