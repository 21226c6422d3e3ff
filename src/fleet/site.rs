//! What is served over HTTP: the pages, the metrics, and whether the collector works.

use std::sync::Arc;
use std::time::Duration;

use super::collector::Shared;
use super::{metrics, page, view};
use crate::http::{Answer, Method, Request, Site, openmetrics};

/// How often a page is told that it may draw itself again.
const EVENT_PERIOD: Duration = Duration::from_secs(2);

/// The site of a collector.
pub struct FleetSite {
    shared: Arc<Shared>,
    /// Whether the metrics have series of each appliance.
    of_each: bool,
    ticks: u64,
}

impl FleetSite {
    /// The site of the collector that `shared` belongs to.
    #[must_use]
    pub fn new(shared: Arc<Shared>, of_each: bool) -> Self {
        Self { shared, of_each, ticks: 0 }
    }

    fn health(&self) -> Answer {
        let beat = self.shared.pulse.beat();
        match (beat.state_connected && beat.events_connected, serde_json::to_string(&beat)) {
            (is_well, Ok(beat)) => Answer::json(beat).with_status(if is_well { 200 } else { 503 }),
            (_, Err(_)) => Answer::refused(500, "The pulse can't be written."),
        }
    }
}

impl Site for FleetSite {
    fn answer(&mut self, request: &Request<'_>) -> Answer {
        if request.method != Method::Get {
            return Answer::wrong_method("GET");
        }
        let (roll, beat, now_ms) = (self.shared.roll(), self.shared.pulse.beat(), view::now_ms());
        let search = page::search_of(request.query);
        match request.path {
            "/" => Answer::page(page::fleet(&roll, &beat, &search, now_ms)).with_policy(page::POLICY),
            "/table" => Answer::page(page::table(&roll, &beat, &search, now_ms)),
            "/events" => Answer::events(),
            "/style.css" => Answer::bytes("text/css; charset=utf-8", page::STYLE.into()),
            "/app.js" => Answer::bytes("text/javascript; charset=utf-8", page::SCRIPT.into()),
            "/metrics" => {
                let text = metrics::text(&roll, &beat, self.of_each, now_ms);
                Answer::bytes(openmetrics::MEDIA_TYPE, text.into_bytes())
            }
            "/healthz" => {
                drop(roll);
                self.health()
            }
            path => path
                .strip_prefix("/appliance/")
                .and_then(|device| page::appliance(&roll, device, now_ms))
                .map_or_else(Answer::not_found, Answer::page),
        }
    }

    fn event(&mut self) -> Option<String> {
        self.ticks += 1;
        Some(self.ticks.to_string())
    }

    fn event_period(&self) -> Duration {
        EVENT_PERIOD
    }
}
