"""Storage SCU: sends encoded DICOM objects to another application entity."""
