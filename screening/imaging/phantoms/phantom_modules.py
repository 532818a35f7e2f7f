"""The modules of the CR and DX objects that the phantoms are, with made-up content."""

from datetime import date, timedelta

from pydicom.dataset import Dataset


def general(data_set: Dataset, study_day: date, study_number: int) -> None:
    """Add the patient, study, series and equipment modules. Source: PS3.3 C.7.1 to C.7.5."""
    age_years = 30 + 7 * study_number % 50
    born = study_day - timedelta(days=round(365.25 * age_years) + 100)
    data_set.PatientBirthDate = born.strftime("%Y%m%d")
    data_set.PatientSex = "FM"[study_number % 2]
    data_set.PatientAge = f"{age_years:03}Y"
    day = study_day.strftime("%Y%m%d")
    data_set.StudyDate = data_set.SeriesDate = data_set.AcquisitionDate = day
    data_set.ContentDate = day
    time = f"{8 + study_number % 10:02}{study_number * 7 % 60:02}00"
    data_set.StudyTime = data_set.SeriesTime = data_set.AcquisitionTime = time
    data_set.ContentTime = time
    data_set.StudyID = str(study_number + 1)
    data_set.ReferringPhysicianName = ""
    data_set.StudyDescription = "SYNTHETIC CHEST RADIOGRAPH"
    data_set.Manufacturer = "SCREENING PHANTOM"
    data_set.ManufacturerModelName = "PHANTOM"
    data_set.DeviceSerialNumber = "0"
    data_set.SoftwareVersions = "1"
    data_set.PatientOrientation = ["L", "F"]
    data_set.BurnedInAnnotation = "NO"
    data_set.LossyImageCompression = "00"
    data_set.ImageType = ["ORIGINAL", "PRIMARY"]


def computed_radiography(data_set: Dataset) -> None:
    """Add the CR series and image modules. Source: PS3.3 C.8.1."""
    data_set.BodyPartExamined = "CHEST"
    data_set.ViewPosition = "PA"
    data_set.ImagerPixelSpacing = [0.4, 0.4]


def digital_x_ray(data_set: Dataset) -> None:
    """Add the DX series, anatomy, image, detector and positioning modules. Source: PS3.3 C.8.11."""
    data_set.ImageType = ["ORIGINAL", "PRIMARY", ""]
    data_set.PresentationIntentType = "FOR PRESENTATION"
    data_set.BodyPartExamined = "CHEST"
    data_set.ImageLaterality = "U"
    data_set.AnatomicRegionSequence = [_code("816094009", "SCT", "Chest")]
    data_set.ViewPosition = "PA"
    data_set.ViewCodeSequence = [_code("272479007", "SCT", "postero-anterior")]
    data_set.ViewCodeSequence[0].ViewModifierCodeSequence = []
    data_set.PositionerType = "COLUMN"
    data_set.PixelIntensityRelationship = "LOG"
    data_set.RescaleIntercept, data_set.RescaleSlope, data_set.RescaleType = 0, 1, "US"
    data_set.DetectorType = "SCINTILLATOR"
    data_set.DetectorConfiguration = "AREA"
    data_set.ImagerPixelSpacing = [0.4, 0.4]
    data_set.AcquisitionContextSequence = []


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item
