//! The command line. Offline commands need no cluster; `run` is the operator. Nothing is decided here.
#![allow(clippy::print_stdout, reason = "a command-line tool talks to its terminal")]

mod admission;
mod bad_input;
mod check_secret;
mod cli;
mod connect;
mod doctor;
mod documents;
mod input;
mod migrate;
mod plan;
mod print;
mod render;
mod serve;
mod status;
mod tls;

use std::{alloc::System, process::ExitCode};

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
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "sei-operator", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Man => clap_mangen::Man::new(Cli::command())
            .render(&mut std::io::stdout())
            .map(|()| ExitCode::SUCCESS)
            .map_err(anyhow::Error::from),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sei-operator: {}", print::printable(&format!("{error:#}")));
            ExitCode::from(if error.is::<BadInput>() { BAD_INPUT } else { FAILED })
        }
    }
}
