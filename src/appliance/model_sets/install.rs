//! The two ways to another set in force: a bundle, and back.

use std::path::Path;

use super::trial::{self, in_words};
use super::{Bundle, ModelSetError, Shelf, adds, names, plain, short};
use crate::inference::{ModelEntry, ModelSet, ModelSource};

/// What is to be installed where.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The folder of the bundle.
    pub bundle: &'a Path,
    /// The place.
    pub place: &'a Path,
    /// Whether an addition in the bundle's folder `research` is installed with it.
    pub with_addition: bool,
}

/// Installs a bundle and puts it in force; `tell` hears each step. Where a network comes with terms that none in force has, `accept`
/// is asked after they were told. The set that was in force is kept; the same set again changes nothing.
///
/// # Errors
/// See [`ModelSetError`]: what was in force is in force still.
pub fn install(
    order: Order<'_>,
    accept: &mut dyn FnMut() -> bool,
    tell: &mut dyn FnMut(&str),
) -> Result<(), ModelSetError> {
    let mut bundle = Bundle::open(order.bundle, order.with_addition)?;
    let shelf = Shelf::at(order.place)?;
    let locked = shelf.lock()?;
    let in_force = ModelSet::open(&source_in_force(&shelf)).ok();
    if !bundle.is_whole() {
        let Some(base) = &in_force else {
            let (path, place) = (order.bundle.to_path_buf(), shelf.place().to_path_buf());
            return Err(ModelSetError::NoBase { path, place });
        };
        tell(&format!("adds to the set in {}", base.base_folder().display()));
        bundle.complete_with(base.base_folder())?;
    }
    let staging = locked.staging()?;
    let as_it_came = |error| bundle.name_as_it_came(error, staging.path());
    let set = copy_and_verify(&bundle, staging.path()).map_err(as_it_came)?;
    tell(&format!("√ copied and verified: {}", names(&set)));
    // The one in the place, which another of the standard folders may stand in for.
    let here = ModelSet::open(&ModelSource::Folder(shelf.place().to_path_buf())).ok();
    if here.is_some_and(|here| here.sha256() == set.sha256() && here.verify_files().is_ok()) {
        tell(&format!("the set {} is in force already; nothing was changed", short(set.sha256())));
        return Ok(());
    }
    if !tell_terms(&set, in_force.as_ref(), tell) && !accept() {
        return Err(ModelSetError::Terms);
    }
    test(&set, tell).map_err(as_it_came)?;
    locked.keep(&staging, set.sha256())?;
    let taken_along = locked.switch_to(set.sha256())?;
    tell(&format!("in force in {}: set {}, {}", shelf.place().display(), short(set.sha256()), names(&set)));
    if in_force.as_ref().is_some_and(adds) && !adds(&set) {
        tell("the addition to the set before is not part of it any more; install it again where it is wanted");
    }
    if let Some(taken_along) = taken_along {
        tell(&taken_along);
    }
    tell_what_is_next(&shelf, tell)
}

/// What is verified is the copy, which nobody else changes any more.
fn copy_and_verify(bundle: &Bundle, staging: &Path) -> Result<ModelSet, ModelSetError> {
    let set = ModelSet::open(&ModelSource::Folder(bundle.copy_into(staging)?))?;
    set.verify_files()?;
    Ok(set)
}

/// Puts the former set in force again, after the same tests; what was in force becomes the former one.
///
/// # Errors
/// See [`ModelSetError`]: what was in force is in force still.
pub fn rollback(place: &Path, tell: &mut dyn FnMut(&str)) -> Result<(), ModelSetError> {
    let shelf = Shelf::at(place)?;
    let locked = shelf.lock()?;
    let Some((_, set)) = shelf.former()?.into_iter().next() else {
        return Err(ModelSetError::NothingBefore(shelf.place().to_path_buf()));
    };
    set.verify_files()?;
    tell(&format!("√ verified: {}", names(&set)));
    // They were accepted when the set was installed.
    tell_terms(&set, Some(&set), tell);
    test(&set, tell)?;
    locked.switch_to(set.sha256())?;
    tell(&format!("in force in {}: set {}, {}", shelf.place().display(), short(set.sha256()), names(&set)));
    tell_what_is_next(&shelf, tell)
}

/// What readings are made with where nothing else is said: for the first standard place also what stands in for it.
fn source_in_force(shelf: &Shelf) -> ModelSource {
    let standard = ModelSet::STANDARD_FOLDERS.first().is_some_and(|first| shelf.place() == Path::new(first));
    if standard { ModelSource::Standard } else { ModelSource::Folder(shelf.place().to_path_buf()) }
}

/// Tells the terms of every network; whether each was in force before.
fn tell_terms(set: &ModelSet, before: Option<&ModelSet>, tell: &mut dyn FnMut(&str)) -> bool {
    let known: Vec<&str> = before.iter().flat_map(|s| &s.manifest().model).map(|m| m.terms.as_str()).collect();
    let is_known = |entry: &ModelEntry| known.contains(&entry.terms.as_str());
    for entry in &set.manifest().model {
        let mark = if is_known(entry) { "terms" } else { "NEW TERMS" };
        tell(&format!("{mark} of {}: {}", entry.name, plain(&entry.terms)));
    }
    set.manifest().model.iter().all(is_known)
}

fn test(set: &ModelSet, tell: &mut dyn FnMut(&str)) -> Result<(), ModelSetError> {
    let checks = trial::try_out(set, true)?;
    tell("√ the networks load and run");
    checks.iter().for_each(|check| tell(&format!("√ self-test: {}", in_words(check))));
    Ok(())
}

fn tell_what_is_next(shelf: &Shelf, tell: &mut dyn FnMut(&str)) -> Result<(), ModelSetError> {
    match shelf.former()?.first() {
        Some((kept, former)) => tell(&format!(
            "kept: set {}, {}; deepspine models rollback puts it in force again",
            short(&kept.sha256),
            names(former)
        )),
        None => tell("no former set is kept"),
    }
    tell(
        "a running appliance reads the next study with it; twin/models tells it within a minute, or at once after a reload",
    );
    Ok(())
}
