//! The command line. Offline commands need no cluster; `run` is the operator. Nothing is decided here.

mod admission;
mod bad_input;
mod check_secret;
mod cli;
mod connect;
mod doctor;
mod documents;
mod group;
mod input;
mod migrate;
mod plan;
mod print;
mod render;
mod serve;
mod status;
mod tls;
mod words;

use std::{alloc::System, io::Write, process::ExitCode};

use bad_input::BadInput;
use clap::{CommandFactory, Parser};
use cli::{Cli, Command};
use zeroizing_alloc::ZeroAlloc;

/// Clears memory when it is freed. Responses of the API server pass through the process, and with them
/// private keys that were not requested, for example in annotations.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// Exit code of a failure.
const FAILED: u8 = 1;
/// Exit code for invalid input.
const BAD_INPUT: u8 = 2;
/// Exit code after standard output was closed: the same as for a program terminated by SIGPIPE.
const CLOSED: u8 = 141;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => serve::run(args),
        Command::Crd(args) => sei_api::crd_manifest()
            .map_err(anyhow::Error::from)
            .and_then(|crd| print::manifest(&crd, args.output))
            .map(|()| ExitCode::SUCCESS),
        Command::Render(args) => render::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::CheckSecret(args) => check_secret::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Tls(command) => tls::run(&command),
        Command::Doctor(args) => doctor::run(&args),
        Command::Migrate(command) => migrate::run(&command),
        Command::Completions { shell } => generated(|page| {
            clap_complete::generate(shell, &mut Cli::command(), "sei-operator", page);
            Ok(())
        }),
        Command::Man => generated(|page| clap_mangen::Man::new(Cli::command()).render(page)),
    };
    match outcome {
        Ok(code) => code,
        Err(error) if error.is::<print::Closed>() => ExitCode::from(CLOSED),
        Err(error) => {
            let message: Vec<_> =
                format!("sei-operator: {}", words::words(&error)).lines().map(print::printable).collect();
            // Without standard error the exit code has to do.
            let _ = writeln!(std::io::stderr(), "{}", message.join("\n"));
            ExitCode::from(if error.is::<BadInput>() { BAD_INPUT } else { FAILED })
        }
    }
}

/// Writes a page of a clap generator.
fn generated(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> anyhow::Result<ExitCode> {
    let mut page = Vec::new();
    write(&mut page)?;
    print::text(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::SUCCESS)
}
