"""What each kind of event says, in words."""

from collections.abc import Callable, Mapping
from typing import Any

from screening.domain.correction import in_words

Detail = Mapping[str, Any]
NOT_CALIBRATED = "not calibrated for this site"


def event_text(kind: str, detail: Detail) -> str:
    """Return one event in words; a kind this version does not know is spelt out plainly.

    detail: as stored, without patient attributes; entries may be missing.
    """
    words = _WORDS.get(kind)
    return words(detail) if words else _spelt_out(kind, detail)


def _spelt_out(kind: str, detail: Detail) -> str:
    values = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in detail.items())
    return kind.replace("_", " ") + (f": {values}" if values else "")


def _value(detail: Detail, key: str) -> str:
    value = detail.get(key)
    return "?" if value is None else str(value)


def _because(detail: Detail, key: str = "reason") -> str:
    value = detail.get(key)
    return f": {str(value).replace('_', ' ')}" if value else ""


def _status(detail: Detail) -> str:
    parts = [str(detail[key]) for key in ("status", "message") if detail.get(key)]
    return f" ({': '.join(parts)})" if parts else ""


def _worker(detail: Detail) -> str:
    return f", by worker {detail['worker']}" if detail.get("worker") else ""


def _size(detail: Detail) -> str:
    size = detail.get("size_bytes")
    return f", {size / 2**20:.1f} MiB" if isinstance(size, int | float) else ""


def _counts(detail: Detail) -> str:
    counts = [f"{detail[k]} {k}" for k in ("stored", "repeated", "refused") if k in detail]
    return f"; {', '.join(counts)}" if counts else ""


def _calibration(detail: Detail) -> str:
    name = detail.get("calibration")
    curve = detail.get("grey_curve")
    levels = f", with the site's grey levels (curve {curve})" if curve else ""
    return f"{f'calibrated for {name}' if name else NOT_CALIBRATED}{levels}"


def _attributes(detail: Detail) -> str:
    return in_words(detail.get("attributes") or ["?"])


def _routed(detail: Detail) -> str:
    to: Mapping[str, str] = detail.get("to") or {}
    return "; ".join(f"{name}, {why}" for name, why in to.items()) or "no destination: no rule fits"


def _opinion(detail: Detail) -> str:
    agrees = detail.get("agrees")
    return "" if agrees is None else f" and {'agrees' if agrees else 'disagrees'} with the system"


_WORDS: Mapping[str, Callable[[Detail], str]] = {
    "association_accepted": lambda d: (
        f"association accepted from {_value(d, 'calling_ae_title')} at {_value(d, 'peer_address')}"
    ),
    "association_closed": lambda d: f"association {_value(d, 'outcome')}{_counts(d)}",
    "instance_received": lambda d: (
        f"received from {_value(d, 'calling_ae_title')}{_size(d)}, stored safely"
    ),
    "instance_repeated": lambda _: "received again with the same bytes",
    "instance_conflicted": lambda _: "received again with other bytes; kept apart, to be compared",
    "instance_refused": lambda d: f"refused with status {_value(d, 'status')}{_because(d)}",
    "classification_waiting": lambda d: (
        f"waits for the classifier in lane {_value(d, 'lane')}, "
        f"{_value(d, 'attempts')} attempts so far"
    ),
    "classification_claimed": lambda d: (
        f"attempt {_value(d, 'attempt')} by worker {_value(d, 'worker')}"
    ),
    "classification_retried": lambda d: f"to be tried again{_because(d)}{_worker(d)}",
    "instance_classified": lambda d: (
        f"classified: priority {_value(d, 'priority')} by bundle {_value(d, 'bundle')}, "
        f"{_calibration(d)}{_worker(d)}"
    ),
    "instance_not_applicable": lambda d: f"not applicable{_because(d)}{_worker(d)}",
    "classification_failed": lambda d: f"classification failed{_because(d)}{_worker(d)}",
    "result_routed": lambda d: f"result goes to {_routed(d)}",
    "report_made": lambda d: f"report made, profile {_value(d, 'profile')}",
    "report_failed": lambda d: f"report failed{_because(d)}",
    "delivery_added": lambda d: (
        f"report to be sent to {_value(d, 'destination')}, which was added later, on request"
    ),
    "delivery_waiting": lambda d: (
        f"report waits for {_value(d, 'destination')}, {_value(d, 'attempts')} attempts so far"
        f"{_status(d)}"
    ),
    "delivery_delivered": lambda d: (
        f"report delivered to {_value(d, 'destination')}{_status(d)}{_worker(d)}"
    ),
    "delivery_retried": lambda d: (
        f"report not yet delivered to {_value(d, 'destination')}, to be tried again{_status(d)}"
        f"{_worker(d)}"
    ),
    "delivery_parked": lambda d: (
        f"report refused by {_value(d, 'destination')}, parked until someone retries it{_status(d)}"
        f"{_worker(d)}"
    ),
    "delivery_released": lambda d: (
        f"report to be sent to {_value(d, 'destination')} again, on request"
    ),
    "delivery_given_up": lambda d: f"report for {_value(d, 'destination')} given up",
    "report_commitment_asked": lambda d: (
        f"{_value(d, 'destination')} asked whether it keeps the report, by {_value(d, 'how')}"
    ),
    "report_commitment_postponed": lambda d: (
        f"{_value(d, 'destination')} not asked whether it keeps the report, to be tried again"
        f"{_status(d)}"
    ),
    "report_committed": lambda d: (
        f"{_value(d, 'destination')} keeps the report, confirmed by {_value(d, 'how')}"
    ),
    "report_not_committed": lambda d: (
        f"{_value(d, 'destination')} does not keep the report, {_value(d, 'what_next')}{_status(d)}"
    ),
    "commitment_requested": lambda d: (
        f"{_value(d, 'calling_ae_title')} asked for commitment of {_value(d, 'references')} objects"
    ),
    "commitment_reported": lambda d: (
        f"{_value(d, 'calling_ae_title')} told: {_value(d, 'committed')} committed, "
        f"{_value(d, 'failed')} not"
    ),
    "commitment_not_reported": lambda d: (
        f"{_value(d, 'calling_ae_title')} not told, {_value(d, 'what_next')}{_status(d)}"
    ),
    "instance_committed": lambda d: f"{_value(d, 'calling_ae_title')} told that we keep it",
    "instance_not_committed": lambda d: (
        f"{_value(d, 'calling_ae_title')} told that we do not keep it{_because(d)}"
    ),
    "instance_removal_begun": lambda d: (
        f"to be removed from the spool, since all its work is done{_size(d)}"
    ),
    "instance_removed": lambda _: "removed from the spool; its rows and results remain",
    "instance_returned": lambda _: "received again after its removal, and stored again",
    "bundle_activated": lambda d: f"bundle {_value(d, 'bundle')} activated by {_value(d, 'by')}",
    "bundle_rolled_back": lambda d: (
        f"{_value(d, 'by')} went back to bundle {_value(d, 'bundle')} "
        f"from {_value(d, 'instead_of')}"
    ),
    "result_stands": lambda d: (
        f"the result of bundle {_value(d, 'bundle')} is current, "
        f"instead of that of {_value(d, 'instead_of')}"
    ),
    "site_calibrated": lambda d: (
        f"{_value(d, 'by')} put the site's calibration for {_value(d, 'calibration')} in force"
    ),
    "site_calibration_withdrawn": lambda d: (
        f"{_value(d, 'by')} rolled back the site's calibration for {_value(d, 'calibration')}"
    ),
    "priority_derived_again": lambda d: (
        f"priority {_value(d, 'priority')} instead of {_value(d, 'instead_of')} from the same "
        f"scores, {_calibration(d)}"
    ),
    "grey_levels_changed": lambda d: (
        f"scored with grey levels that are in force no more: to be scored again{_worker(d)}"
    ),
    "result_renewed": lambda d: (
        f"scored again with the grey levels in force: priority {_value(d, 'priority')} instead of "
        f"{_value(d, 'instead_of')}, {_calibration(d)}{_worker(d)}"
    ),
    "renewal_failed": lambda d: (
        f"could not be scored again with the grey levels in force: stays as it was{_because(d)}"
    ),
    "instance_compared": lambda d: (
        "compared with the current object of this SOP Instance UID" + _because(d)
    ),
    "correction_found": lambda d: (
        f"the same image with another {_attributes(d)}: waits for an operator's decision"
    ),
    "correction_accepted": lambda d: (
        f"correction of {_attributes(d)} accepted by {_value(d, 'by')}: it is current now"
    ),
    "correction_rejected": lambda d: (
        f"correction of {_attributes(d)} rejected by {_value(d, 'by')}"
    ),
    "study_claimed": lambda d: f"claimed by {_value(d, 'by')}",
    "claim_released": lambda d: f"claim of {_value(d, 'claimed_by')} released by {_value(d, 'by')}",
    "study_read": lambda d: f"marked read by {_value(d, 'by')}",
    "reading_taken_back": lambda d: f"put back on the list by {_value(d, 'by')}",
    "feedback_given": lambda d: (
        f"{_value(d, 'by')} finds {_value(d, 'label').replace('_', ' ')}{_opinion(d)}"
    ),
    "token_created": lambda d: (
        f"{_value(d, 'by')} created a token of {_value(d, 'name')}, role {_value(d, 'role')}"
    ),
    "token_revoked": lambda d: f"{_value(d, 'by')} revoked the token of {_value(d, 'name')}",
    "heat_maps_asked": lambda d: "heat-maps asked for" + (f" by {d['by']}" if "by" in d else ""),
    "heat_maps_made": lambda d: f"heat-maps made by bundle {_value(d, 'bundle')}{_worker(d)}",
    "heat_maps_failed": lambda d: f"no heat-maps made{_because(d)}{_worker(d)}",
    "heat_map_picture_failed": lambda d: f"no picture of heat-maps made{_because(d)}",
    "reprocess_requested": lambda d: f"re-run requested with bundle {_value(d, 'bundle')}",
}
