"""Files to studies: DICOM folders, archives, NIfTI, NRRD, MetaImage and pictures. pydicom and SimpleITK load on first use."""

from .listing import SeriesEntry, SeriesListing
from .opening import list_series, open_study, opened_study

__all__ = ["SeriesEntry", "SeriesListing", "list_series", "open_study", "opened_study"]
