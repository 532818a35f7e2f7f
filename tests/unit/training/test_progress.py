"""What a person reads while a run goes on."""

import io

import pytest
from rich.console import Console

from training.cli.progress import ConsoleReport
from training.runs.history import EpochRecord


@pytest.mark.parametrize(
    ("left_out", "told"), [(None, "(best); 8 s"), (0.8125, "(best); hospitals left out 0.812; 8 s")]
)
def test_an_epoch_says_its_speed_and_the_hospitals_left_out(
    left_out: float | None, told: str
) -> None:
    """Images a second, waiting, and the area on hospitals left out where some are."""
    stream = io.StringIO()
    with ConsoleReport(Console(file=stream, width=200)) as report:
        report.epoch(
            EpochRecord(
                phase=1,
                epoch=2,
                images=100,
                loss=0.5,
                accuracy=0.75,
                validation_loss=0.4,
                validation_accuracy=0.8,
                duration_s=8.0,
                wait_s=2.0,
                best=True,
                left_out_area=left_out,
            )
        )
    assert told in stream.getvalue()
    assert "12.5 images/s, 25 % waiting for images" in stream.getvalue()
