"""Steps of pipelines: localization, classification, quality. Torch is used here and below."""
