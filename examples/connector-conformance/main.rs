//! Tries a connector of your own: `cargo run --example connector-conformance -- python3 connector.py`.
//!
//! It books a few purchases of 125.00 EUR, so give it books to play with: their accounts by `--account` and
//! `--wallet`. It talks to the connector exactly as `pleo-export` does, kills it in mid-booking and asks again. What it
//! cannot do is look into your books, so at the end it says how many entries must be there. Exit code 0 when the
//! connector did everything right, 1 when not.
#![allow(clippy::print_stdout, reason = "printing is what this program does")]

mod checks;
mod sample;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chrono::NaiveDate;
use clap::Parser;

use checks::{Bench, Outcome};
use sample::Accounts;

/// Tries a connector: books entries twice, refuses what must be refused, kills it in mid-booking.
#[derive(Debug, Parser)]
struct Arguments {
    /// An account for costs that is in the books
    #[arg(long, default_value = "6800")]
    account: String,
    /// The account of the wallet that is in the books
    #[arg(long, default_value = "1910")]
    wallet: String,
    /// An open day to book on
    #[arg(long, default_value = "2026-10-09")]
    day: NaiveDate,
    /// How long one answer may take
    #[arg(long, default_value_t = 60)]
    timeout_seconds: u64,
    /// The connector and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let settings = pleo_export::systems::command::Settings {
        program: arguments.program,
        working_folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        timeout: Duration::from_secs(arguments.timeout_seconds),
    };
    let accounts = Accounts {
        cost: arguments.account,
        wallet: arguments.wallet,
    };
    let mut bench = match Bench::start(settings, accounts, arguments.day) {
        Ok(bench) => bench,
        Err(error) => {
            println!("FAIL  greeting: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}\n", bench.introduction());
    let mut failures = 0;
    for (name, check) in checks::ALL {
        match check(&mut bench) {
            Ok(Outcome::Passed) => println!("ok    {name}"),
            Ok(Outcome::Skipped(why)) => println!("skip  {name}: {why}"),
            Err(what) => {
                failures += 1;
                println!("FAIL  {name}: {what}");
            }
        }
    }
    println!("\n{}", bench.to_count());
    match failures {
        0 => {
            println!("The connector does what pleo-export needs.");
            ExitCode::SUCCESS
        }
        failed => {
            println!("{failed} of {} checks failed.", checks::ALL.len());
            ExitCode::FAILURE
        }
    }
}
