"""Results as DICOM objects: a structured report and a segmentation. Only :mod:`.results` is needed from outside."""
