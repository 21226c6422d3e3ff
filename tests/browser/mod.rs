//! What judges a page from outside: Debian's Chromium without a window, and axe-core.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "each test uses its part"
)]

pub(crate) mod tab;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Opens `address` with more `arguments`, and gives what Chromium prints on standard output and error; `None` where it is not installed.
pub(crate) fn chromium(arguments: &[&str], address: &str) -> Option<(String, String)> {
    let profile = tempfile::tempdir().unwrap();
    let out = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg("--enable-logging=stderr")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(address)
        .output()
        .ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(out.status.success(), "{}", text(&out.stderr));
    Some((text(&out.stdout), text(&out.stderr)))
}

/// What the page wrote on its console, or the browser on its behalf.
pub(crate) fn complaints(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.contains("CONSOLE")).collect()
}

/// A PNG's width and height, and its bytes of colour.
pub(crate) fn picture(path: &Path) -> ((u32, u32), Vec<u8>) {
    let mut shown = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap())).read_info().unwrap();
    let size = (shown.info().width, shown.info().height);
    let mut pixels = vec![0; shown.output_buffer_size().unwrap()];
    shown.next_frame(&mut pixels).unwrap();
    (size, pixels)
}

/// A Python for which `code` runs; the one that retraining has, or the system's.
pub(crate) fn python(code: &str) -> Option<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("DEEPSPINE_TRAINING_PYTHON").map(PathBuf::from);
    let known = [root.join("target/training-python/bin/python"), PathBuf::from("python3")];
    named.into_iter().chain(known).find_map(|python| {
        let out = Command::new(&python).args(["-c", code]).output().ok()?;
        out.status.success().then(|| (python, String::from_utf8_lossy(&out.stdout).trim().to_owned()))
    })
}

/// axe-core's source; `None` where no Python has brought it.
pub(crate) fn axe() -> Option<String> {
    let find = "import importlib.util as u; print(u.find_spec('axe_core_python').submodule_search_locations[0])";
    std::fs::read_to_string(PathBuf::from(python(find)?.1).join("axe.min.js")).ok()
}

/// What `axe` finds wrong with `page`, and how many of its rules hold; `None` where there is no Chromium. The page must allow scripts.
pub(crate) fn judged(axe: &str, page: &str) -> Option<(String, usize)> {
    let asked = "axe.run().then(r=>{document.body.innerText='AXE'+JSON.stringify(r.violations.map(v=>[v.impact,v.id,\
                 v.nodes[0].html]))+'EXA'+r.passes.length})";
    let scripts = format!("<script>{axe}</script><script>{asked}</script></body>");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("judged.html");
    std::fs::write(&path, page.replace("</body>", &scripts)).unwrap();
    let (dom, _) = chromium(&["--virtual-time-budget=20000", "--dump-dom"], &format!("file://{}", path.display()))?;
    let answer = dom.rsplit_once("AXE[").and_then(|(_, rest)| rest.split_once("]EXA")).expect("an answer of axe-core");
    let passed = answer.1.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
    Some((answer.0.to_owned(), passed))
}
