//! The main job, end to end, without a Pleo account: a sandbox with 25 expenses, the real `poll`, real books.
//!
//! Run it twice: the second run exports the same expenses again and books none of them a second time.
#![allow(clippy::print_stdout, reason = "printing is what this program does")]

#[path = "sandbox/server/mod.rs"]
mod sandbox;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use pleo_export::cli;
use pleo_export::config::Sources;
use sandbox::{ItemStatus, Job, JobState, Options, Sandbox, seed};

fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from("target/quickstart");
    fs::create_dir_all(&folder)?;
    let books = folder.join("books");
    let before = entries(&books)?;
    println!(
        "1. A Pleo of your own starts, with an export job of 25 expenses; two of them are meant to fail.\n"
    );
    let sandbox = Sandbox::start(Options::default());
    let job = sandbox.add_job(Job::of(seed::quickstart()));

    println!("2. `pleo-export --config examples/pleo-export.toml poll` books them and says:\n");
    let exit = poll(&sandbox, &folder, &books);

    println!("\n3. What the bookkeeper sees in Pleo:\n");
    print_verdicts(&sandbox.job(&job));

    let after = entries(&books)?;
    println!(
        "\n4. The books: {after} documents, {} of them new.",
        after - before
    );
    if before > 0 {
        println!("   These expenses had been exported before: each was found, none was booked twice.");
    }
    let broken = sandbox.broken_rules();
    println!(
        "   `poll` ended with exit code {} (3: some items failed), {} rules of Pleo broken.",
        exit,
        broken.len()
    );
    println!(
        "\nLook at them:    less {}/pleo/2026/*.beancount",
        books.display()
    );
    println!(
        "Check them:      bean-check {}/main.beancount      (pip install beancount)",
        books.display()
    );
    println!(
        "In a browser:    fava {}/main.beancount            (pip install fava; optional)",
        books.display()
    );
    println!("Once more:       run this again, and nothing is booked twice");
    println!("From the start:  rm -r {}", folder.display());
    for rule in &broken {
        println!("broken rule: {rule}");
    }
    anyhow::ensure!(
        broken.is_empty() && exit == 3,
        "the main job did not run as it should"
    );
    Ok(())
}

/// Calls the program's own entry point, with the environment that an integrator would set.
fn poll(sandbox: &Sandbox, folder: &Path, books: &Path) -> u8 {
    let working_folder = std::env::current_dir().unwrap_or_default();
    let path = |path: &Path| working_folder.join(path).into_os_string();
    let environment = BTreeMap::from([
        ("PLEO_BASE_URL".to_owned(), sandbox.url().into()),
        ("PLEO_API_KEY".to_owned(), sandbox.api_key().into()),
        ("PLEO_COMPANY_ID".to_owned(), sandbox.company().into()),
        ("PLEO_EXPORT_BOOKS".to_owned(), path(books)),
        (
            "PLEO_EXPORT_CHECKPOINT".to_owned(),
            path(&folder.join("checkpoint.sqlite3")),
        ),
    ]);
    let arguments = ["pleo-export", "--config", "examples/pleo-export.toml", "poll"].map(OsString::from);
    let sources = Sources {
        working_folder,
        environment,
        config_flag: None,
        is_one_of_several: false,
        is_of_fleet: false,
        fleet_file: None,
    };
    cli::main(arguments, sources).code()
}

fn print_verdicts(job: &JobState) {
    println!("   job {}: {}", job.id, job.status);
    for item in &job.items {
        let entry = item.entry.get(..8).unwrap_or(&item.entry);
        let told = match item.status {
            ItemStatus::Successful => item.external_id.clone().unwrap_or_default(),
            _ => format!(
                "{}: {}",
                item.failure_reason_type.as_deref().unwrap_or_default(),
                item.failure_reason.as_deref().unwrap_or_default()
            ),
        };
        println!("   {entry}  {:<10}  {told}", item.status.name());
    }
}

/// How many documents the books hold, counted in their text.
fn entries(folder: &Path) -> anyhow::Result<usize> {
    if !folder.is_dir() {
        return Ok(0);
    }
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            count += entries(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "beancount") {
            let text = fs::read_to_string(path)?;
            count += text
                .lines()
                .filter(|line| line.trim_start().starts_with("pleo-entry:"))
                .count();
        }
    }
    Ok(count)
}
