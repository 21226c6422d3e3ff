"""Each layout of an archive becomes the same thing: studies, with what was said of them."""

from . import dicom, rsna, spider

READ = {"spider": spider.studies, "rsna": rsna.studies, "dicom": dicom.studies}


def studies(source, log):
    """The studies of a source, by name. What can't be used is counted and named in the log."""
    found = READ[source.layout](source, log)
    return sorted(found, key=lambda study: study.key)
