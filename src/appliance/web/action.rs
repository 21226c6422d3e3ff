//! What may be done from the page, and by whom: whoever has the token that `web.token-file` holds.
//!
//! The file is read each time, so that another token counts from the next request on. Tokens are compared in a time that says nothing
//! about them, tries are few a minute, and what was done is audited.

use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::http::Answer;

/// Shortest token that is accepted, bytes: what is shorter can be guessed.
pub(super) const TOKEN_BYTES_MIN: usize = 16;
/// Longest token file that is read, bytes.
const TOKEN_FILE_BYTES_MAX: u64 = 4096;
/// Requests to do something, with a right token or a wrong one, in one [`WINDOW`].
const TRIES_MAX: u32 = 10;
/// How long they count.
const WINDOW: Duration = Duration::from_secs(60);

/// Requests to do something, of late.
#[derive(Debug)]
pub(super) struct Tries {
    window_began: Instant,
    count: u32,
}

impl Tries {
    pub(super) fn new() -> Self {
        Self { window_began: Instant::now(), count: 0 }
    }

    /// Whether one more is looked at, at `now`.
    fn admit(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.window_began) >= WINDOW {
            (self.window_began, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(1);
        self.count <= TRIES_MAX
    }

    /// Whether `bearer` may have something done; else what it is answered.
    pub(super) fn judge(&mut self, token_file: Option<&Path>, bearer: Option<&str>) -> Result<(), Answer> {
        let Some(token_file) = token_file else {
            return Err(Answer::refused(
                403,
                "Nothing can be done from here: the configuration names no token (web.token-file).",
            ));
        };
        if !self.admit(Instant::now()) {
            return Err(
                Answer::refused(429, "There were too many tries; wait a minute.").with_header("Retry-After", "60")
            );
        }
        let Some(bearer) = bearer else {
            let answer = Answer::refused(401, "A token is needed: Authorization: Bearer TOKEN.");
            return Err(answer.with_header("WWW-Authenticate", "Bearer"));
        };
        let token = read_token(token_file).map_err(|error| {
            log::warn!("the page's token can't be used: {error} (web.token-file)");
            Answer::refused(503, "The appliance's own token can't be used; its log says why.")
        })?;
        if is_same(&token, bearer) {
            return Ok(());
        }
        log::warn!("somebody at the page gave a wrong token");
        Err(Answer::refused(403, "This is not the token."))
    }
}

/// The token that a file's first line holds.
///
/// # Errors
/// Where the file can't be read, or its token can be guessed.
pub fn read_token(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(TOKEN_FILE_BYTES_MAX).read_to_string(&mut text)?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.len() < TOKEN_BYTES_MIN {
        return Err(io::Error::other(format!("it holds fewer than {TOKEN_BYTES_MIN} characters")));
    }
    Ok(token.to_owned())
}

/// Whether both are the same, in a time that depends on neither: their hashes under a key that is no secret are compared by a
/// comparison that is made for it.
fn is_same(token: &str, given: &str) -> bool {
    let mac_of = |text: &str| Hmac::<Sha256>::new(&[0; 64].into()).chain_update(text.as_bytes());
    mac_of(given).verify(&mac_of(token).finalize().into_bytes()).is_ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const TOKEN: &str = "correct-horse-battery";

    fn status(judged: Result<(), Answer>) -> u16 {
        judged.err().map_or(200, |answer| answer.status())
    }

    #[test]
    fn only_the_token_of_the_file_will_do_and_it_is_read_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        let judge = |bearer| status(Tries::new().judge(Some(&file), bearer));
        assert_eq!(judge(Some(TOKEN)), 503, "there is no file");
        std::fs::write(&file, "short\n").unwrap();
        assert_eq!(judge(Some("short")), 503, "it can be guessed");
        std::fs::write(&file, format!("{TOKEN}\nsecond line\n")).unwrap();
        assert_eq!((judge(Some(TOKEN)), judge(None)), (200, 401));
        for wrong in ["", "correct-horse-batter", "correct-horse-battery1", "second line"] {
            assert_eq!(judge(Some(wrong)), 403, "{wrong}");
        }
        std::fs::write(&file, "another-token-in-the-file").unwrap();
        assert_eq!(judge(Some(TOKEN)), 403);
        assert_eq!(status(Tries::new().judge(None, Some(TOKEN))), 403);
    }

    #[test]
    fn tries_are_few_a_minute() {
        let mut tries = Tries::new();
        let begun = tries.window_began;
        assert_eq!((0..TRIES_MAX + 5).filter(|_| tries.admit(begun)).count(), TRIES_MAX as usize);
        assert!(tries.admit(begun + WINDOW));
    }
}
