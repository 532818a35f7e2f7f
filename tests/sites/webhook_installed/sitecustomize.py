"""Registers the webhook and the JSON report of the tests in every process that finds this folder.

As if their two files lay in `screening/delivery_kinds` and `screening/renderings`.
"""

import tests.reports.json_report
import tests.reports.webhook  # noqa: F401
