//! The program `pleo-export`.

use std::process::ExitCode;

use pleo_export::cli;
use pleo_export::config::Sources;

fn main() -> ExitCode {
    cli::main(std::env::args_os(), Sources::of_this_process(None)).into()
}
