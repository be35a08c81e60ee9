"""Steps of pipelines: localization, segmentation, measurements, classification, quality. Torch is used here and below."""
