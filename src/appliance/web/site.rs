//! Which address is answered by what.

use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::action::Tries;
use super::live;
use super::look::{Look, SeenStudy};
use super::metrics;
use super::overview_page::{self, More};
use super::study_page;
use super::words::Words;
use crate::appliance::actions::{ActionError, Actions};
use crate::appliance::audit::{self, By};
use crate::appliance::health::counters::Counters;
use crate::appliance::journal::{JournalError, ReportLook};
use crate::appliance::mqtt::payload::Health;
use crate::appliance::self_test_trend;
use crate::export::{OVERLAY_FILE, PAGE_FILE};
use crate::http::answer::HTML;
use crate::http::{Answer, Method, POLICY_SELF_CONTAINED, Request, Site, openmetrics};

/// How often an open page is told what has changed.
const EVENT_PERIOD: Duration = Duration::from_secs(2);
/// Largest file of the clinic's that is sent, bytes; a page has at most two MiB, a picture less.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Longest key that is looked for.
const KEY_BYTES_MAX: usize = 64;
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("app.js");
const ICON: &str = include_str!("icon.svg");

/// The appliance, as whoever looks at its page sees it.
pub(super) struct AppliancePage {
    actions: Actions,
    tries: Tries,
    /// What was told last.
    told: String,
}

impl AppliancePage {
    pub(super) fn new(actions: Actions) -> Self {
        Self { actions, tries: Tries::new(), told: String::new() }
    }
}

impl Site for AppliancePage {
    fn answer(&mut self, request: &Request<'_>) -> Answer {
        let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match (request.method, path.as_slice()) {
            (Method::Get, [""]) => self.overview(),
            (Method::Get, ["page.css"]) => Answer::bytes("text/css; charset=utf-8", STYLE.into()),
            (Method::Get, ["app.js"]) => Answer::bytes("text/javascript; charset=utf-8", SCRIPT.into()),
            (Method::Get, ["icon.svg"]) => Answer::bytes("image/svg+xml", ICON.into()),
            (Method::Get, ["events"]) => Answer::events(),
            (Method::Get, ["metrics"]) => self.metrics(),
            (Method::Get, ["healthz"]) => self.health(),
            (Method::Get, ["study", key]) => self.study(key),
            (Method::Get, ["study", key, "overlay.png"]) => self.file_of(key, "image/png", OVERLAY_FILE),
            (Method::Get, ["study", key, "page"]) => self.page_of(key),
            (Method::Post, ["study", key, "retry"]) => self.retry(key, request.bearer),
            (Method::Post, ["self-test"]) => self.self_test(request.bearer),
            (Method::Get, ["study", _, "retry"] | ["self-test"]) => Answer::wrong_method("POST"),
            _ => Answer::not_found(),
        }
    }

    fn event(&mut self) -> Option<String> {
        let look = Look::at(&self.actions).ok()?;
        let told = live::event(&look, &self.words(), self.self_tests()).to_string();
        (told != self.told).then(|| {
            self.told.clone_from(&told);
            told
        })
    }

    fn event_period(&self) -> Duration {
        EVENT_PERIOD
    }
}

impl AppliancePage {
    fn words(&self) -> Words {
        Words::of(self.actions.shared.settings().exports.language)
    }

    fn self_tests(&self) -> u64 {
        Counters::so_far(&self.actions.shared.counters.self_tests)
    }

    /// An answer that needs the journal; without it, that is said.
    fn with_journal(&self, answer: impl FnOnce() -> Result<Answer, JournalError>) -> Answer {
        answer().unwrap_or_else(|error| {
            log::warn!("the page: {error}");
            Answer::refused(503, self.words().get("journal-silent"))
        })
    }

    fn overview(&self) -> Answer {
        self.with_journal(|| {
            let look = Look::at(&self.actions)?;
            let tests = self_test_trend::load(&look.settings.storage.state_dir);
            let more = More { tests, self_tests: self.self_tests(), models: self.actions.shared.models.told().0 };
            Ok(Answer::page(overview_page::page(&look, &more, &self.words())))
        })
    }

    fn metrics(&self) -> Answer {
        self.with_journal(|| {
            let look = Look::at(&self.actions)?;
            let tests = self_test_trend::load(&look.settings.storage.state_dir);
            let text = metrics::text(&look, &self.actions.shared, &tests);
            Ok(Answer::bytes(openmetrics::MEDIA_TYPE, text.into_bytes()))
        })
    }

    /// By the alarms alone, so that it answers even where the journal does not.
    fn health(&self) -> Answer {
        let alarms = &self.actions.shared.alarms;
        let health = Health::of(alarms);
        if health == Health::Up {
            return Answer::text("up\n");
        }
        let standing = alarms.standing();
        let said = standing.iter().map(|(alarm, raised)| format!("\n{}: {}", alarm.name(), raised.severity.name()));
        Answer::refused(503, health.name().to_owned() + &said.collect::<String>())
    }

    /// The study with exactly this key, and its reports.
    fn find(&self, key: &str) -> Result<Option<(SeenStudy, Vec<ReportLook>)>, JournalError> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX || !key.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        let found = self.actions.journal.look_at_study(key)?.filter(|(study, _)| study.study_key == key);
        let out_dir = self.actions.shared.settings().storage.out_dir.clone();
        Ok(found.map(|(study, reports)| {
            let picture = newest(&reports).map(|report| out_dir.join(&report.report_id).join(OVERLAY_FILE));
            (SeenStudy { study, has_picture: picture.is_some_and(|path| path.is_file()) }, reports)
        }))
    }

    fn study(&self, key: &str) -> Answer {
        self.with_journal(|| {
            let Some((seen, reports)) = self.find(key)? else { return Ok(Answer::not_found()) };
            let settings = self.actions.shared.settings();
            Ok(Answer::page(study_page::page(&seen, &reports, &settings, &self.words())))
        })
    }

    /// A file of the newest report of a study, out of the clinic's folder.
    fn file_of(&self, key: &str, content_type: &'static str, name: &str) -> Answer {
        self.with_journal(|| {
            let Some((_, reports)) = self.find(key)? else { return Ok(Answer::not_found()) };
            let out_dir = self.actions.shared.settings().storage.out_dir.clone();
            let file = newest(&reports).map(|report| out_dir.join(&report.report_id).join(name));
            Ok(match file.map(|path| read_limited(&path)) {
                Some(Ok(bytes)) => Answer::bytes(content_type, bytes),
                _ => Answer::not_found(),
            })
        })
    }

    /// The clinic's page of a study, which says whose it is.
    fn page_of(&self, key: &str) -> Answer {
        let settings = self.actions.shared.settings();
        if !settings.web.show_identity {
            return Answer::refused(403, self.words().get("page-closed"));
        }
        let page = self.file_of(key, HTML, PAGE_FILE);
        if page.status() != 200 {
            return page;
        }
        // No identity is told that is not written down as told.
        match audit::write(&settings.storage.state_dir, "page", key, By::Page) {
            Ok(()) => page.with_policy(POLICY_SELF_CONTAINED),
            Err(error) => Answer::refused(503, format!("The audit log can't be written: {error}")),
        }
    }

    fn retry(&mut self, key: &str, bearer: Option<&str>) -> Answer {
        if let Err(refused) = self.judge(bearer) {
            return refused;
        }
        self.with_journal(|| {
            if self.find(key)?.is_none() {
                return Ok(Answer::not_found());
            }
            Ok(self
                .audited("retry", key, 200, || self.actions.retry(key).map(|_| "The study is read again.".to_owned())))
        })
    }

    fn self_test(&mut self, bearer: Option<&str>) -> Answer {
        if let Err(refused) = self.judge(bearer) {
            return refused;
        }
        let begun = "The self-test has begun.".to_owned();
        self.audited("self-test", "", 202, || self.actions.self_test().map(|()| begun))
    }

    fn judge(&mut self, bearer: Option<&str>) -> Result<(), Answer> {
        let settings = self.actions.shared.settings();
        self.tries.judge(settings.web.token_file.as_deref(), bearer)
    }

    /// Does what was asked for, once that is written down.
    fn audited(&self, what: &str, key: &str, status: u16, act: impl FnOnce() -> Result<String, ActionError>) -> Answer {
        let state_dir = &self.actions.shared.settings().storage.state_dir;
        if let Err(error) = audit::write(state_dir, what, key, By::Page) {
            return Answer::refused(503, format!("The audit log can't be written: {error}"));
        }
        match act() {
            Ok(done) => Answer::text(done + "\n").with_status(status),
            Err(error @ ActionError::NoSuchStudy(_)) => Answer::refused(404, error.to_string()),
            Err(error @ (ActionError::WrongState(..) | ActionError::NothingKept | ActionError::NoArchive)) => {
                Answer::refused(409, error.to_string())
            }
            Err(error @ (ActionError::Busy | ActionError::Journal(_))) => Answer::refused(503, error.to_string()),
        }
    }
}

fn newest(reports: &[ReportLook]) -> Option<&ReportLook> {
    reports.iter().max_by_key(|report| report.revision)
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX { Err(io::Error::other("too large")) } else { Ok(bytes) }
}
