//! Tries a connector of your own: `cargo run --example connector-conformance -- python3 connector.py`.
//!
//! It books a few purchases, so give it books to play with: their accounts by `--account` and `--wallet`, and where it
//! keeps bills `--payable` and `--vendor`. It talks to the connector exactly as `pleo-export` does, starts two at once,
//! kills it in mid-booking and asks again. What it cannot do is look into your books: `--count` names a program that
//! does, else the last lines say what must be there. Exit code 0 when no check failed, 1 when one did.
#![allow(clippy::print_stdout, reason = "printing is what this program does")]

mod bench;
mod checks;
mod count;
mod log;
mod processes;
mod sample;

use std::process::ExitCode;
use std::time::Duration;

use chrono::NaiveDate;
use clap::Parser;

use bench::{Bench, here};
use checks::Outcome;
use count::Counter;
use sample::{Accounts, Payables};

/// Tries a connector: books entries twice, refuses what must be refused, kills it in mid-booking.
#[derive(Debug, Parser)]
struct Arguments {
    /// An account for costs that is in the books
    #[arg(long, default_value = "6800")]
    account: String,
    /// The account of the wallet that is in the books
    #[arg(long, default_value = "1910")]
    wallet: String,
    /// The account of what vendors are owed, where the connector keeps bills
    #[arg(long, default_value = "2400")]
    payable: String,
    /// The code of a vendor that is in the books, where the connector keeps bills
    #[arg(long, default_value = "V-1")]
    vendor: String,
    /// An open day to book on
    #[arg(long, default_value = "2026-10-09")]
    day: NaiveDate,
    /// How long one answer may take
    #[arg(long, default_value_t = 60)]
    timeout_seconds: u64,
    /// A program and its arguments, split at spaces, that prints how many entries the books hold, and how many receipts
    #[arg(long, value_name = "COMMAND")]
    count: Option<String>,
    /// The connector and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<String>,
}

fn main() -> ExitCode {
    log::show();
    let arguments = Arguments::parse();
    let (mut bench, counter) = match start(arguments) {
        Ok(started) => started,
        Err(what) => {
            println!("FAIL  {what}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}\n", bench.introduction());
    let report = Report::of(&mut bench, counter.as_ref());
    println!();
    for line in report.last_lines(&bench) {
        println!("{line}");
    }
    if report.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn start(arguments: Arguments) -> Result<(Bench, Option<Counter>), String> {
    let settings = pleo_export::systems::command::Settings {
        program: arguments.program,
        working_folder: here(),
        timeout: Duration::from_secs(arguments.timeout_seconds),
    };
    let accounts = Accounts {
        cost: arguments.account,
        wallet: arguments.wallet,
    };
    let payables = Payables {
        account: arguments.payable,
        vendor: arguments.vendor,
    };
    let bench = Bench::start(settings, accounts, payables, arguments.day)
        .map_err(|error| format!("greeting: {error}"))?;
    let counter = arguments.count.map(Counter::start).transpose();
    Ok((
        bench,
        counter.map_err(|what| format!("count of the books: {what}"))?,
    ))
}

/// What came of the checks.
#[derive(Default)]
struct Report {
    made: usize,
    failed: usize,
    not_tried: Vec<String>,
    /// Whether the program that counts found the right number of entries, and of receipts.
    entries_counted: bool,
    receipts_counted: bool,
}

impl Report {
    /// Makes every check and prints a line for each.
    fn of(bench: &mut Bench, counter: Option<&Counter>) -> Self {
        let mut report = Self::default();
        for (name, check) in checks::ALL {
            let outcome = check(bench);
            report.take(name, outcome);
        }
        if let Some(counter) = counter {
            let outcome = counter.check(bench);
            report.entries_counted = outcome.is_ok();
            report.receipts_counted = outcome == Ok(true);
            report.take("count of the books", outcome.map(|_| Outcome::Passed));
        }
        report
    }

    fn take(&mut self, name: &str, outcome: Result<Outcome, String>) {
        self.made += 1;
        match outcome {
            Ok(Outcome::Passed) => println!("ok    {name}"),
            Ok(Outcome::Skipped(why)) => {
                println!("skip  {name}");
                self.not_tried.push(format!("NOT TRIED: {name}, because {why}."));
            }
            Err(what) => {
                self.failed += 1;
                println!("FAIL  {name}: {what}");
            }
        }
    }

    /// What is proven, what is not, and what to do about it.
    fn last_lines(&self, bench: &Bench) -> Vec<String> {
        let mut lines = self.not_tried.clone();
        if self.failed > 0 {
            lines.push(format!("{} of {} checks failed.", self.failed, self.made));
        } else if self.entries_counted {
            lines.push("Every check passed, and the books hold as many entries as they must.".to_owned());
        } else {
            lines.push("Every check that can be made from outside passed.".to_owned());
        }
        if !self.entries_counted {
            lines.push(format!("Now count: {}.", count::entries_to_count(bench)));
        }
        if !self.receipts_counted {
            lines.extend(count::receipt_to_see(bench).map(|receipt| format!("Now look: {receipt}.")));
        }
        lines
    }
}
