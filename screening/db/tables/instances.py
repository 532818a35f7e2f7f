"""The tables. Patient attributes live in `Instance`, and in the `Study` rows derived from it.

`alembic/versions` builds them. Beside this module are the views, and the tables of Storage
Commitment (`commitment_scp`, `commitment_scu`), of calibrations, those that worklist and ledger
read (`studies`), what readers mark (`readings`), heat-maps, and what people decided (`decisions`).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from screening.db.tables.columns import Base, BigKey, State, Text, Uid, partial_index, state_column
from screening.domain.lifecycle import (
    BundleRole,
    ClassificationState,
    DeliveryState,
    Lane,
    ReportState,
)


class Association(Base):
    """One DICOM association with the SCP, and what came of it."""

    __tablename__ = "associations"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    calling_ae_title: Mapped[str] = mapped_column(Text(16))
    called_ae_title: Mapped[str] = mapped_column(Text(16))
    peer_address: Mapped[str] = mapped_column(Text(64))
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(32), server_default="open")
    stored: Mapped[int] = mapped_column(Integer, server_default="0")
    repeated: Mapped[int] = mapped_column(Integer, server_default="0")
    refused: Mapped[int] = mapped_column(Integer, server_default="0")

    __table_args__ = (Index("ix_associations_opened_at", "opened_at"),)


class Instance(Base):
    """One received object: unique by SOP Instance UID and digest of its encoded data set."""

    __tablename__ = "instances"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(Uid)
    sop_class_uid: Mapped[str] = mapped_column(Uid)
    study_instance_uid: Mapped[str] = mapped_column(Uid, index=True)
    series_instance_uid: Mapped[str] = mapped_column(Uid)
    transfer_syntax_uid: Mapped[str] = mapped_column(Uid)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    conflicting: Mapped[bool]
    """Another object with this SOP Instance UID and other bytes stands in its place."""
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    modality: Mapped[str] = mapped_column(Text(16))
    calling_ae_title: Mapped[str] = mapped_column(Text(16))
    association_id: Mapped[str | None] = mapped_column(ForeignKey("associations.id"))
    received_at: Mapped[datetime] = mapped_column(index=True)
    patient_id: Mapped[str] = mapped_column(Text(64), index=True)
    patient_name: Mapped[str] = mapped_column(Text(324))
    patient_birth_date: Mapped[str | None] = mapped_column(Text(16))
    """None, as of the three below: received before it was read. "": absent or illegal."""
    patient_sex: Mapped[str | None] = mapped_column(Text(16))
    patient_age: Mapped[str | None] = mapped_column(Text(16))
    accession_number: Mapped[str] = mapped_column(Text(64), index=True)
    study_date: Mapped[str] = mapped_column(String(16))
    study_time: Mapped[str] = mapped_column(String(16))
    study_description: Mapped[str | None] = mapped_column(Text(64))
    identification: Mapped[dict[str, Any] | None]
    """What a correction may change, by keyword, where another object of this UID was received."""
    kept_since: Mapped[datetime | None]
    """When it was received again after its removal; None: since it was received."""
    removing_since: Mapped[datetime | None]
    """From here on the row claims no file; `removed_at` says that there is none."""
    removed_at: Mapped[datetime | None]

    classifications: Mapped[list["Classification"]] = relationship(back_populates="instance")

    __table_args__ = (
        UniqueConstraint("sop_instance_uid", "sha256", name="uq_instances_uid_sha"),
        Index("ix_instances_calling_ae_title", "calling_ae_title", "id"),
        Index(
            "ix_instances_patient_name",
            "patient_name",
            postgresql_ops={"patient_name": "varchar_pattern_ops"},
        ),
        partial_index(
            "uq_instances_first_of_uid", ("sop_instance_uid",), "NOT conflicting", unique=True
        ),
    )


class Bundle(Base):
    """One ensemble known to this site. At most one is active."""

    __tablename__ = "bundles"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    trained: Mapped[bool]
    role: Mapped[str] = state_column(BundleRole, server_default=None)
    registered_at: Mapped[datetime]
    manifest: Mapped[dict[str, Any]]

    __table_args__ = (
        partial_index("uq_bundles_active", ("role",), f"role = '{BundleRole.ACTIVE}'", unique=True),
    )


class Classification(Base):
    """One instance's way through one bundle; `bundle_id` is set by the claim."""

    __tablename__ = "classifications"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"))
    bundle_id: Mapped[int | None] = mapped_column(ForeignKey("bundles.id"))
    lane: Mapped[str] = mapped_column(State, server_default=Lane.LIVE)
    state: Mapped[str] = state_column(ClassificationState)
    reason: Mapped[str | None] = mapped_column(String(32))
    detail: Mapped[str | None] = mapped_column(Text(255))
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_expires_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    covid19: Mapped[float | None]
    pneumonia: Mapped[float | None]
    normal: Mapped[float | None]
    member_scores: Mapped[dict[str, Any] | None]
    priority: Mapped[str | None] = mapped_column(State)
    priority_rule: Mapped[str | None] = mapped_column(String(128))
    priority_score: Mapped[float | None]
    """What that rule looked at, or its rank at this site, 0 to 1: the order inside a priority."""
    calibration_id: Mapped[int | None] = mapped_column(BigKey)
    """The row of `site_calibrations` that gave the priority; None: the bundle's thresholds."""
    grey_curve_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the site's curve that the scores were made with; None: of none."""
    pixel_sha256: Mapped[str | None] = mapped_column(String(64))
    render_path: Mapped[dict[str, Any] | None]
    timings: Mapped[dict[str, Any] | None]
    image_statistics: Mapped[dict[str, Any] | None]
    """`domain.image_statistics` of a scored image, by name; None: scored before they were kept."""
    stands_since: Mapped[datetime | None]
    """Since when this is the instance's result; None while it is not (`db/standing_results.py`)."""

    report_state: Mapped[str] = state_column(ReportState)
    report_revision: Mapped[int] = mapped_column(Integer, server_default="0")
    """How often before a report said that this bundle's result stands for the SOP instance."""
    report_lane: Mapped[str] = mapped_column(State, server_default=Lane.LIVE)
    report_attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    report_not_before: Mapped[datetime | None]
    report_error: Mapped[str | None] = mapped_column(Text(255))

    instance: Mapped[Instance] = relationship(back_populates="classifications")
    bundle: Mapped[Bundle | None] = relationship()
    __table_args__ = (
        UniqueConstraint("instance_id", "bundle_id", name="uq_classifications_instance_bundle"),
        partial_index(
            "uq_classifications_one_pending",
            ("instance_id",),
            f"state IN ('{ClassificationState.RECEIVED}', '{ClassificationState.CLAIMED}')",
            unique=True,
        ),
        partial_index(
            "ix_classifications_ready",
            ("lane", "id"),
            f"state = '{ClassificationState.RECEIVED}' AND not_before IS NULL",
        ),
        partial_index(
            "uq_classifications_standing", ("instance_id",), "stands_since IS NOT NULL", unique=True
        ),
        partial_index(
            "ix_classifications_passed_over",
            ("bundle_id", "id"),
            f"state IN ('{ClassificationState.CLASSIFIED}', "
            f"'{ClassificationState.NOT_APPLICABLE}') AND stands_since IS NULL",
        ),
        partial_index(
            "ix_classifications_waiting",
            ("lane", "not_before"),
            f"state = '{ClassificationState.RECEIVED}' AND not_before IS NOT NULL",
        ),
        partial_index(
            "ix_classifications_claimed",
            ("lease_expires_at",),
            f"state = '{ClassificationState.CLAIMED}'",
        ),
        partial_index(
            "ix_classifications_report_ready",
            ("report_lane", "id"),
            f"report_state = '{ReportState.DUE}' AND report_not_before IS NULL",
        ),
        partial_index(
            "ix_classifications_report_waiting",
            ("report_not_before",),
            f"report_state = '{ReportState.DUE}' AND report_not_before IS NOT NULL",
        ),
        partial_index(
            "ix_classifications_report_failed", ("id",), f"report_state = '{ReportState.FAILED}'"
        ),
    )


class Report(Base):
    """One structured report, made once; these very bytes are sent each time."""

    __tablename__ = "reports"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    classification_id: Mapped[int] = mapped_column(ForeignKey("classifications.id"))
    profile: Mapped[str] = mapped_column(String(24))
    revision: Mapped[int] = mapped_column(Integer, server_default="0")
    sop_instance_uid: Mapped[str] = mapped_column(Uid, unique=True)
    sop_class_uid: Mapped[str] = mapped_column(Uid)
    series_instance_uid: Mapped[str] = mapped_column(Uid)
    predecessor_id: Mapped[int | None] = mapped_column(ForeignKey("reports.id"))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]

    classification: Mapped[Classification] = relationship()

    __table_args__ = (
        UniqueConstraint(
            "classification_id", "profile", "revision", name="uq_reports_classification_profile"
        ),
    )


class Delivery(Base):
    """One report on its way to one destination."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    destination: Mapped[str] = mapped_column(String(32))
    lane: Mapped[str] = mapped_column(State, server_default=Lane.LIVE)
    state: Mapped[str] = state_column(DeliveryState)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    not_before: Mapped[datetime | None]
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_expires_at: Mapped[datetime | None]
    last_status: Mapped[str | None] = mapped_column(Text(16))
    last_message: Mapped[str | None] = mapped_column(Text(255))
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]

    report: Mapped[Report] = relationship()

    __table_args__ = (
        UniqueConstraint("report_id", "destination", name="uq_deliveries_report_destination"),
        partial_index(
            "ix_deliveries_ready",
            ("destination", "lane", "id"),
            f"state = '{DeliveryState.PENDING}' AND not_before IS NULL",
        ),
        partial_index(
            "ix_deliveries_waiting",
            ("destination", "not_before"),
            f"state = '{DeliveryState.PENDING}' AND not_before IS NOT NULL",
        ),
        partial_index(
            "ix_deliveries_least_tried",
            ("destination", "attempts", "id"),
            f"state = '{DeliveryState.PENDING}'",
        ),
        partial_index(
            "ix_deliveries_sending",
            ("destination", "lease_expires_at"),
            f"state = '{DeliveryState.SENDING}'",
        ),
        partial_index(
            "ix_deliveries_resting",
            ("destination", "id"),
            f"state IN ('{DeliveryState.PARKED}', '{DeliveryState.GIVEN_UP}')",
        ),
        Index("ix_deliveries_delivered_at", "delivered_at"),
    )


class Event(Base):
    """One line of the audit trail; `detail` holds no patient attribute."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(48))
    study_instance_uid: Mapped[str | None] = mapped_column(Uid, index=True)
    sop_instance_uid: Mapped[str | None] = mapped_column(Uid, index=True)
    detail: Mapped[dict[str, Any]]
