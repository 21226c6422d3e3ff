//! The hidden verbs `child-scan`, `child-read`, `child-self-test`, `child-export`, `child-send` and `child-archive`: this binary as a child of the supervisor.

use super::exit::{CliError, Exit};
use crate::appliance::reader::child::NOT_SHUT_IN;
use crate::appliance::reader::limits::Limits;
use crate::appliance::reader::role::{self, Role, RoleError};
use crate::inference::Device;

/// The limits that the child lays on itself.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Memory, MiB
    #[arg(long)]
    memory_mib: u64,
    /// CPU time of all threads, seconds
    #[arg(long)]
    cpu_secs: u64,
    /// Process id of the supervisor
    #[arg(long)]
    supervisor: i32,
    /// What the networks run on
    #[arg(long, default_value_t, value_parser = device)]
    device: Device,
}

fn device(name: &str) -> Result<Device, String> {
    Device::ALL.into_iter().find(|device| device.name() == name).ok_or_else(|| format!("no device {name:?}"))
}

/// Is a child that scans.
///
/// # Errors
/// Where the supervisor can't be understood or a limit can't be laid.
pub fn scan(args: Args) -> Result<(), CliError> {
    serve(Role::Scan, args)
}

/// Is a child that reads.
///
/// # Errors
/// Where the supervisor can't be understood or a limit can't be laid.
pub fn read(args: Args) -> Result<(), CliError> {
    serve(Role::Read, args)
}

/// Is a child that tests the installation.
///
/// # Errors
/// Where the supervisor can't be understood or a limit can't be laid.
pub fn self_test(args: Args) -> Result<(), CliError> {
    serve(Role::SelfTest, args)
}

/// Is a child that makes the clinic's files.
///
/// # Errors
/// Where the supervisor can't be understood or a limit can't be laid.
pub fn export(args: Args) -> Result<(), CliError> {
    serve(Role::Export, args)
}

/// Is a child that sends objects to the clinic's archive.
///
/// # Errors
/// Where the supervisor can't be understood or a limit can't be laid.
pub fn send(args: Args) -> Result<(), CliError> {
    serve(Role::Send, args)
}

/// Is a child that reads one study of an archive.
///
/// # Errors
/// Where the supervisor can't be understood or a limit can't be laid.
pub fn archive(args: Args) -> Result<(), CliError> {
    serve(Role::Archive, args)
}

/// The supervisor knows a child that could not shut itself in by its exit code.
const _: () = assert!(Exit::TryAgain as i32 == NOT_SHUT_IN);

fn serve(role: Role, Args { memory_mib, cpu_secs, supervisor, device }: Args) -> Result<(), CliError> {
    role::serve(role, Limits { memory_mib, cpu_secs, supervisor, device }).map_err(|error| {
        let exit = match error {
            RoleError::NotShutIn(_) => Exit::TryAgain,
            RoleError::Pipe(_) => Exit::Software,
        };
        CliError::new(exit, format!("child: {error}; only the supervisor starts children"))
    })
}
