"""Every error this project raises, by what happens next.

    ScreeningError
    ├── StartupError                  the process does not start
    │   ├── SettingsError             a setting is missing or wrong
    │   └── BundleError               a bundle is missing, damaged or does not reproduce
    │       └── NoFeatureMapError     a network has no feature map that a heat-map is made of
    ├── RejectedInstanceError         the object is at fault: recorded, never retried
    │   ├── UnreadableDataSetError    not DICOM, or cannot be parsed
    │   ├── TruncatedDataSetError     parses, but Pixel Data is cut short
    │   ├── MissingIdentifierError    no SOP class, SOP instance or study UID
    │   ├── IllegalIdentifierError    a UID or patient value that is too long, or no text
    │   ├── SOPClassMismatchError     the data set is another SOP class or instance than requested
    │   ├── StudyMismatchError        the data set is of another study than the request names
    │   ├── SOPClassNotReceivedError  objects of this SOP class are not received here
    │   ├── TransferSyntaxError       objects in this transfer syntax are not received here
    │   ├── ObjectTooLargeError       beyond the size limit
    │   ├── UnstorableValueError      the database cannot hold a value, such as text with a NUL
    │   ├── UndecodablePixelsError    the pixels cannot be decoded or are not a usable picture
    │   └── ReportNotPossibleError    no report can be made on the object
    ├── DecisionRefusedError          what a person decided cannot be done as things stand
    ├── CalibrationError              what a site is to be calibrated with cannot be used
    └── TransientError                the environment is at fault: retried
        ├── OutOfSpaceError           the spool's file system is full or over its watermark
        ├── OutOfMemoryError          the device's memory is too small for a batch
        ├── FileRemovedError          retention removed the file that was just received again
        └── DatabaseUnavailableError  the database did not take the row

Messages say what was expected, what was found and what to do, and never hold a patient attribute.
`screening.receive.statuses` maps the classes to C-STORE statuses, `screening.domain.lifecycle`
maps reasons to retry or quarantine.
"""


class ScreeningError(Exception):
    """Any error of this project."""


class StartupError(ScreeningError):
    """The process cannot start as configured."""


class SettingsError(StartupError):
    """A setting is missing or wrong."""


class BundleError(StartupError):
    """A bundle is missing, damaged, or does not reproduce its golden scores."""


class NoFeatureMapError(BundleError):
    """A network has no feature map that a heat-map is made of; it scores all the same."""


class RejectedInstanceError(ScreeningError):
    """The object itself is at fault; sending it again would change nothing."""


class UnreadableDataSetError(RejectedInstanceError):
    """Not a DICOM data set, or one that cannot be parsed."""


class TruncatedDataSetError(RejectedInstanceError):
    """The data set parses, but its Pixel Data ends early."""


class MissingIdentifierError(RejectedInstanceError):
    """A SOP class, SOP instance or study UID is absent or empty."""


class IllegalIdentifierError(RejectedInstanceError):
    """What identifies the object or its patient is too long to be kept whole, or is no text."""


class SOPClassMismatchError(RejectedInstanceError):
    """The data set names another SOP class or instance than the request did."""


class StudyMismatchError(RejectedInstanceError):
    """The data set is of another study than the one that the request is for."""


class SOPClassNotReceivedError(RejectedInstanceError):
    """Objects of this SOP class are not received here."""


class TransferSyntaxError(RejectedInstanceError):
    """Objects in this transfer syntax are not received here: no decoder for it."""


class ObjectTooLargeError(RejectedInstanceError):
    """The object is larger than the site accepts."""


class UnstorableValueError(RejectedInstanceError):
    """The database cannot hold a value, such as text with a NUL or a lone surrogate."""


class UndecodablePixelsError(RejectedInstanceError):
    """The pixels cannot be decoded, or are no usable picture."""


class ReportNotPossibleError(RejectedInstanceError):
    """No report can be made on the object."""


class DecisionRefusedError(ScreeningError):
    """What a person decided cannot be carried out as things stand; look again."""


class CalibrationError(ScreeningError):
    """Labels, images or a file from which a site cannot be calibrated; nothing was applied."""


class TransientError(ScreeningError):
    """The environment is at fault; the same work may succeed later."""


class OutOfSpaceError(TransientError):
    """The spool's file system is full or above its watermark."""


class OutOfMemoryError(TransientError):
    """The memory, of the device or the machine, is too small for this many pictures at once."""


class FileRemovedError(TransientError):
    """Retention removed a file while the same object was received again."""


class DatabaseUnavailableError(TransientError):
    """The database did not take the row."""
