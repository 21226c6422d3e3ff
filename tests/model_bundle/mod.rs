//! Bundles of models: the repository's own, copies of them, and what can be wrong with one.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The set of the repository that carries no condition.
pub(crate) fn free_set() -> PathBuf {
    repository().join("models")
}

/// The one that adds to it, for research alone.
pub(crate) fn research_set() -> PathBuf {
    free_set().join("research")
}

/// A bundle of the files of `from` in `to`, which is made.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("the test's folder can be written");
    for entry in fs::read_dir(from).expect("a folder of models").flatten() {
        if entry.file_type().expect("it has one").is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("the test's folder can be written");
        }
    }
}

/// Changes the manifest in `folder`.
pub(crate) fn rewrite(folder: &Path, from: &str, to: &str) {
    let path = folder.join("manifest.toml");
    let before = fs::read_to_string(&path).expect("a manifest");
    assert!(before.contains(from), "{from:?} is not in the manifest");
    fs::write(&path, before.replacen(from, to, 1)).expect("the test's folder can be written");
}

/// A bundle with one fault, and what its refusal names.
pub(crate) struct Fault {
    pub(crate) what: &'static str,
    pub(crate) make: fn(&Path),
    pub(crate) exit: i32,
    pub(crate) names: &'static str,
}

pub(crate) fn remove(path: &Path) {
    fs::remove_file(path).expect("it is there");
}

pub(crate) const FAULTS: [Fault; 15] = [
    Fault {
        what: "a changed byte",
        make: |bundle| {
            let mut file = OpenOptions::new().write(true).open(bundle.join("degeneration.onnx")).expect("it is there");
            file.seek(SeekFrom::Start(100_000)).and_then(|_| file.write_all(&[0x5a, 0xa5])).expect("it can be written");
        },
        exit: 65,
        names: "bundle/degeneration.onnx: SHA-256",
    },
    Fault {
        what: "a missing file",
        make: |bundle| remove(&bundle.join("segmentation.onnx")),
        exit: 65,
        names: "bundle/segmentation.onnx: is missing",
    },
    Fault {
        what: "a link in place of a network",
        make: |bundle| {
            remove(&bundle.join("segmentation.onnx"));
            symlink(free_set().join("segmentation.onnx"), bundle.join("segmentation.onnx")).expect("a link");
        },
        exit: 65,
        names: "bundle/segmentation.onnx: is a link",
    },
    Fault {
        what: "a link in place of a card",
        make: |bundle| symlink("/etc/passwd", bundle.join("card.md")).expect("a link"),
        exit: 65,
        names: "bundle/card.md: is a link",
    },
    Fault {
        what: "a link in place of the addition",
        make: |bundle| symlink(research_set(), bundle.join("research")).expect("a link"),
        exit: 65,
        names: "bundle/research: is no folder",
    },
    Fault {
        what: "a folder in place of a network",
        make: |bundle| {
            remove(&bundle.join("segmentation.onnx"));
            fs::create_dir(bundle.join("segmentation.onnx")).expect("the test's folder");
        },
        exit: 65,
        names: "bundle/segmentation.onnx: is no regular file",
    },
    Fault {
        what: "a file elsewhere",
        make: |bundle| rewrite(bundle, "\"segmentation.onnx\"", "\"../segmentation.onnx\""),
        exit: 65,
        names: "model segmentation: file",
    },
    Fault {
        what: "the manifest as a network",
        make: |bundle| rewrite(bundle, "\"segmentation.onnx\"", "\"manifest.toml\""),
        exit: 65,
        names: "model segmentation: file",
    },
    Fault {
        what: "a network that is too large",
        make: |bundle| {
            let file = OpenOptions::new().write(true).open(bundle.join("segmentation.onnx")).expect("it is there");
            file.set_len(65 << 20).expect("a hole");
        },
        exit: 65,
        names: "at most 67108864 are taken",
    },
    Fault {
        what: "a manifest that ends too early",
        make: |bundle| {
            let file = OpenOptions::new().write(true).open(bundle.join("manifest.toml")).expect("it is there");
            file.set_len(5000).expect("it is longer");
        },
        exit: 65,
        names: "bundle/manifest.toml",
    },
    Fault {
        what: "no terms",
        make: |bundle| rewrite(bundle, "terms = \"Trained", "terms = \"\" # \"Trained"),
        exit: 65,
        names: "terms is empty",
    },
    Fault {
        what: "no network that segments",
        make: |bundle| {
            rewrite(bundle, "[[model]]\nname = \"segmentation\"", "[[unused]]\nname = \"segmentation\"");
            rewrite(bundle, "[model.metrics]", "[unread]");
        },
        exit: 65,
        names: "a whole set has a model called segmentation",
    },
    Fault {
        what: "nothing at all",
        make: |bundle| fs::remove_dir_all(bundle).expect("it is there"),
        exit: 66,
        names: "bundle",
    },
    Fault {
        what: "a network fed with pixels of another size",
        make: |bundle| rewrite(bundle, "pixel_mm = 0.9375", "pixel_mm = 3.0"),
        exit: 65,
        names: "self-test",
    },
    Fault {
        what: "a network that takes other views than are cut",
        make: |bundle| rewrite(bundle, "shape = [2, 96, 144]", "shape = [2, 96, 96]"),
        exit: 65,
        names: "network degeneration",
    },
];
