//! How a verb ends: sysexits codes, and the error that carries one.

use std::fmt;
use std::process::ExitCode;

/// Exit codes, after `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Wrong use of the command line.
    Usage = 64,
    /// The input was read, and is wrong.
    BadInput = 65,
    /// The input is not there, or can't be opened.
    NoInput = 66,
    /// A service that is needed does not answer.
    Unavailable = 69,
    /// A fault of ours.
    Software = 70,
    /// An output can't be made.
    CantCreate = 73,
    /// Something passing; try again.
    TryAgain = 75,
    /// A permission is missing.
    Permission = 77,
    /// The configuration is wrong.
    Configuration = 78,
}

/// Why a verb failed: the code for the caller, the sentence for the person.
#[derive(Debug)]
pub struct CliError {
    /// The process's exit code.
    pub exit: Exit,
    /// What went wrong with what, and what to do.
    pub message: String,
}

impl CliError {
    /// An error that ends the process with `exit` after saying `message`.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    /// The code for an I/O error on an input.
    #[must_use]
    pub fn for_input(kind: std::io::ErrorKind) -> Exit {
        match kind {
            std::io::ErrorKind::PermissionDenied => Exit::Permission,
            std::io::ErrorKind::InvalidData => Exit::BadInput,
            _ => Exit::NoInput,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
