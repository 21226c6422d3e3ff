"""The segmentation network: sagittal slice in, six classes out."""

CLASSES = ["background", "vertebral-body", "posterior-elements", "disc", "canal", "sacrum"]
BACKGROUND, BODY, POSTERIOR, DISC, CANAL, SACRUM = range(6)
PIXEL_MM = 0.9375
SIZE_MULTIPLE = 32
PERCENTILES = (0.5, 99.5)
