//! `deepspine labels --against`: what texts say, held against what was read from the images of the same studies.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::records::Record;
use super::{Args, Format, batches, table_row};
use crate::cli::exit::{CliError, Exit};
use crate::cli::readings::{self, Readings};
use crate::evaluation::concordance::{
    self as concordance, COLUMNS, Compared, Concordance, Fit, Listed, Reading, Shelf, Tally, Totals, Worst,
};
use crate::export::{DeviceKey, write_whole};
use crate::labels::policy::Policy;
use crate::labels::{Labeller, Lexicon};

/// Runs the verb with `--against`.
///
/// # Errors
/// 65 where a text, a reading or an id could not be used, 66 where there is no reading or no key, 73 where nothing can be written.
pub(super) fn run(args: &Args, lexicon: &Lexicon) -> Result<(), CliError> {
    let key = readings::key(args.study_key_file.as_deref())?;
    let Readings { shelf, unreadable, .. } = readings::find(&args.against, "--against")?;
    let holder = Holder { shelf: &shelf, key: &key, policy: args.policy(), format: args.format };
    let mut out = BufWriter::new(io::stdout().lock());
    let concordance = match hold(args, lexicon, &holder, unreadable, &mut out) {
        Ok(concordance) => concordance,
        // Nobody listens any more: `… | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) => return Err(CliError::new(Exit::CantCreate, format!("pairs can't be written: {error}"))),
    };
    if let Some(path) = &args.picture {
        picture(&concordance, path)?;
    }
    complaint(&concordance.totals).map_or(Ok(()), |text| Err(CliError::new(Exit::BadInput, text)))
}

fn picture(concordance: &Concordance, path: &Path) -> Result<(), CliError> {
    let mut png = Vec::new();
    concordance::write_picture(concordance, &mut png).and_then(|()| write_whole(path, &png)).map_err(|error| {
        CliError::new(Exit::CantCreate, format!("the picture {} can't be written: {error}", path.display()))
    })?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

/// What could not be used; `None` where all could.
fn complaint(totals: &Totals) -> Option<String> {
    let parts = [
        (totals.unreadable_readings, "files are no readings"),
        (totals.unreadable_texts, "texts could not be read"),
        (totals.ambiguous_texts, "texts have an id that fits several readings"),
        (totals.second_texts, "texts are of a study that has one already"),
    ];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    (!parts.is_empty()).then(|| format!("{}; all others are compared", parts.join(", ")))
}

/// What a text came to.
enum Outcome {
    /// There is no reading of this id.
    NoReading,
    /// There are several: where the text is from, its id, how many.
    Several(String, String, usize),
    /// It was compared.
    Held(Box<Held>),
}

/// A text that was held against its reading.
struct Held {
    /// Where the text is from, and its id.
    source: String,
    id: String,
    /// Which reading.
    index: usize,
    compared: Compared,
    listed: Vec<Listed>,
    /// Its pairs as rows of a table, or lines of JSON.
    rows: Vec<u8>,
}

struct Holder<'a> {
    shelf: &'a Shelf,
    key: &'a DeviceKey,
    policy: Policy,
    format: Format,
}

impl Holder<'_> {
    fn hold(&self, record: &Record, labeller: &mut Labeller<'_>) -> Outcome {
        let index = match self.shelf.find(&record.id, self.key) {
            Fit::None => return Outcome::NoReading,
            Fit::Several(n) => return Outcome::Several(record.source.clone(), record.id.clone(), n),
            Fit::One(index) => index,
        };
        let Some(reading) = self.shelf.get(index) else { return Outcome::NoReading };
        let compared = if reading.is_refused {
            Compared::default()
        } else {
            concordance::compare(&record.text, &labeller.label(&record.text).labels, reading, self.policy)
        };
        Outcome::Held(Box::new(Held {
            source: record.source.clone(),
            id: record.id.clone(),
            index,
            listed: concordance::listed(&record.id, &record.text, reading, &compared),
            rows: self.rows(&record.id, reading, &compared),
            compared,
        }))
    }

    fn rows(&self, id: &str, reading: &Reading, compared: &Compared) -> Vec<u8> {
        let study = (id, reading);
        let rows: Vec<Vec<u8>> = match self.format {
            Format::Csv => {
                let pairs = compared.pairs.iter().map(|pair| concordance::pair_row(study, pair));
                let diameters = compared.diameters.iter().map(|diameter| concordance::diameter_row(study, diameter));
                pairs.chain(diameters).filter_map(|row| table_row(&row).ok()).collect()
            }
            Format::Jsonl => {
                let pairs = compared.pairs.iter().map(|pair| concordance::pair_json(study, pair));
                let diameters = compared.diameters.iter().map(|diameter| concordance::diameter_json(study, diameter));
                pairs.chain(diameters).filter_map(Result::ok).map(|line| (line + "\n").into_bytes()).collect()
            }
            Format::Text | Format::Html => Vec::new(),
        };
        rows.concat()
    }
}

/// Holds every text against its reading, and prints what comes of it.
fn hold(
    args: &Args,
    lexicon: &Lexicon,
    holder: &Holder<'_>,
    unreadable_readings: usize,
    out: &mut impl Write,
) -> io::Result<Concordance> {
    if args.format == Format::Csv {
        out.write_all(&table_row(&COLUMNS)?)?;
    }
    let mut gathered = Gathered::new(holder.shelf);
    let work = |record: &Record, labeller: &mut Labeller<'_>| holder.hold(record, labeller);
    let unreadable_texts =
        batches::each(&mut args.records(), lexicon, args.threads(), work, |outcome| gathered.take(outcome, out))?;
    let concordance = gathered.finish(holder.policy, unreadable_texts, unreadable_readings);
    let last = match args.format {
        Format::Csv => String::new(),
        Format::Jsonl => concordance::summary_json(&concordance)? + "\n",
        Format::Text => concordance::text(&concordance),
        Format::Html => concordance::page(&concordance),
    };
    out.write_all(last.as_bytes())?;
    out.flush()?;
    Ok(concordance)
}

/// What is known of all texts so far.
struct Gathered<'a> {
    shelf: &'a Shelf,
    has_text: Vec<bool>,
    totals: Totals,
    tally: Tally,
    worst: Worst,
}

impl<'a> Gathered<'a> {
    fn new(shelf: &'a Shelf) -> Self {
        let has_text = vec![false; shelf.readings().len()];
        Self { shelf, has_text, totals: Totals::default(), tally: Tally::default(), worst: Worst::default() }
    }

    fn take(&mut self, outcome: Outcome, out: &mut impl Write) -> io::Result<()> {
        self.totals.texts += 1;
        match outcome {
            Outcome::NoReading => self.totals.texts_without_reading += 1,
            Outcome::Several(source, id, n) => {
                self.totals.ambiguous_texts += 1;
                eprintln!("deepspine: {source}: the id {id:?} fits {n} readings; it is compared with none");
            }
            Outcome::Held(held) => {
                let Some(has_text) = self.has_text.get_mut(held.index) else { return Ok(()) };
                if std::mem::replace(has_text, true) {
                    self.totals.second_texts += 1;
                    let (source, id) = (&held.source, &held.id);
                    eprintln!(
                        "deepspine: {source}: the id {id:?} is of a study that has a text already; the first counts"
                    );
                    return Ok(());
                }
                out.write_all(&held.rows)?;
                self.count(*held);
            }
        }
        Ok(())
    }

    fn count(&mut self, held: Held) {
        let Some(reading) = self.shelf.get(held.index) else { return };
        self.totals.joined += 1;
        self.totals.refused += usize::from(reading.is_refused);
        self.totals.unknown_levels += reading.unknown_levels;
        self.totals.doubtful_levels += reading.levels.iter().filter(|level| !level.is_sure).count();
        self.tally.add(&held.compared);
        self.worst.extend(held.listed);
    }

    fn finish(self, policy: Policy, unreadable_texts: usize, unreadable_readings: usize) -> Concordance {
        let totals = Totals {
            unreadable_texts,
            unreadable_readings,
            readings: self.shelf.readings().len(),
            readings_without_text: self.has_text.iter().filter(|has| !**has).count(),
            superseded_readings: self.shelf.superseded,
            listed: self.worst.seen,
            ..self.totals
        };
        Concordance { policy, totals, figures: self.tally.finish(), listed: self.worst.finish() }
    }
}
