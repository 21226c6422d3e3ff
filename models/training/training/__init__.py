"""A grading network trained anew on a site's own archive, by one command: `python -m training fit CONFIG` (README.md, "Retrain on your own archive").

    config      what is asked for, checked
    layouts     SPIDER, RSNA 2024, DICOM with labels: each becomes studies and truths
    readings    the appliance reads each study and cuts the views that the network is shown
    join        which truth is of which level
    learn       folds, and what ships
    heads       calibration, and predictions on subjects that were not seen
    bundle      ONNX and manifest, packed with the networks of the base set
    card        the model card
    verify      ONNX beside PyTorch, tract beside ONNX Runtime, the self-test
"""
