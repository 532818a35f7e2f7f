"""From a DICOM object or picture to the networks' input; shared with training."""
