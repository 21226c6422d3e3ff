//! The appliance's own page: what `deepspine status` and `studies` say, for a browser and for Prometheus. Only where `web.listen` names
//! an address.
//!
//! | part | is |
//! |---|---|
//! | [`site`] | which address is answered by what |
//! | [`look`] | what is looked at for an answer |
//! | [`live`] | what moves: the texts that change in an open page, as events too |
//! | [`overview_page`], [`study_page`] | the pages, from parts of [`html`], in the [`words`] of each language |
//! | [`trend`] | a row of self-tests as a picture |
//! | [`metrics`] | OpenMetrics |
//! | [`action`] | what may be done, by whom: the token |
//!
//! One thread, `web`, that sleeps for as long as nobody looks. It asks the same questions as the control socket, and is told no identity
//! unless `web.show-identity` says so; what it gives out then is audited.

mod action;
mod html;
mod live;
mod look;
mod metrics;
mod overview_page;
mod site;
mod study_page;
mod trend;
mod words;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub use self::action::read_token;
use self::site::AppliancePage;
use super::actions::Actions;
use crate::http::{Server, Waker};

/// The page, open or closed as the settings in force say.
pub struct Web {
    actions: Actions,
    open: Mutex<Option<Open>>,
}

struct Open {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    waker: Waker,
    thread: JoinHandle<()>,
}

impl Web {
    /// A page that is not open yet.
    #[must_use]
    pub fn new(actions: Actions) -> Self {
        Self { actions, open: Mutex::default() }
    }

    /// Opens, moves or closes the page as the settings say. An appliance works without it, so where it can't be opened a line in the log
    /// says so, and nothing else changes.
    pub fn follow_settings(&self) {
        let wanted = self.actions.shared.settings().web.listen;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().map(|open| open.address) == wanted {
            return;
        }
        if let Some(before) = open.take() {
            log::info!("the page at http://{} is closed", before.address);
            before.end();
            // Before its address can be taken again. Only an answer that is being made keeps it, and none takes long.
            let _ = before.thread.join();
        }
        let Some(address) = wanted else { return };
        match Open::begin(address, self.actions.clone()) {
            Ok(page) => *open = Some(page),
            Err(error) => log::warn!("there is no page at http://{address}: {error} (web.listen)"),
        }
    }

    /// Has the page end; it is not waited for.
    pub fn end(&self) {
        if let Some(open) = &*self.open.lock().unwrap_or_else(PoisonError::into_inner) {
            open.end();
        }
    }
}

impl Open {
    fn begin(address: SocketAddr, actions: Actions) -> io::Result<Self> {
        let server = Server::bind(address)?;
        log::info!("the page is at http://{}", server.local_address());
        let (waker, over) = (server.waker(), Arc::<AtomicBool>::default());
        let ends = Arc::clone(&over);
        let thread = std::thread::Builder::new()
            .name("web".to_owned())
            .spawn(move || server.serve(AppliancePage::new(actions), || !ends.load(Ordering::Acquire)))?;
        Ok(Self { address, over, waker, thread })
    }

    fn end(&self) {
        self.over.store(true, Ordering::Release);
        self.waker.wake();
    }
}
