//! What must be true at the moment of death, and what once all is done. Looks at the files, at the checkpoint and
//! at what Pleo was told, without the program's own readers.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::job::{Fate, Job};
use crate::sandbox::{Event, ItemState, ItemStatus, JobStatus};
use crate::support::{Books, Transaction, World};

/// Something that breaks the promise.
#[derive(Clone, Debug)]
pub struct Finding {
    pub kind: Kind,
    pub text: String,
}

/// What is looked for: a finding of this kind whose text says this.
pub type Sought = (Kind, &'static str);

impl Finding {
    pub fn is(&self, (kind, says): Sought) -> bool {
        self.kind == kind && self.text.contains(says)
    }
}

/// Whether what is sought, if anything, is among what was found at some moment.
pub fn findings_hold<Moment>(sought: Option<Sought>, findings: &[(Moment, Finding)]) -> bool {
    sought.is_some_and(|sought| findings.iter().any(|(_, finding)| finding.is(sought)))
}

/// In what way the promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something is in the books more often than it should be.
    Duplicate,
    /// Something that should be in the books, or a verdict, is missing.
    Loss,
    /// Pleo was told what is not so.
    FalseVerdict,
    /// An effect whose intent is not in the checkpoint.
    NoIntent,
    /// Anything else: a broken rule of the contract, books that are not clean, a wrong exit code.
    Disorder,
}

/// The findings so far.
#[derive(Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    fn add(&mut self, kind: Kind, text: impl Into<String>) {
        let text = text.into();
        self.0.push(Finding { kind, text });
    }

    pub fn expect(&mut self, kind: Kind, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            self.add(kind, text());
        }
    }
}

/// Every effect that can be seen outside must have its intent in the checkpoint, whenever the process dies.
pub fn at_death(world: &World, job: &str) -> Vec<Finding> {
    let mut findings = Findings::default();
    let known = Intents::read(world);
    let state = world.sandbox.job(job);
    let job_state = known.job.as_deref().unwrap_or("unknown");
    let allowed: &[&str] = match state.status {
        JobStatus::Pending => &["unknown", "starting"],
        JobStatus::InProgress => &["starting", "started", "closing"],
        _ => &["closing", "closed"],
    };
    findings.expect(Kind::NoIntent, allowed.contains(&job_state), || {
        format!(
            "the job is {:?} at Pleo and `{job_state}` in the checkpoint",
            state.status
        )
    });
    let told = state
        .items
        .iter()
        .filter(|item| item.status == ItemStatus::InProgress);
    let begun = told.map(|item| item.entry.clone()).chain(world.books().entries());
    for entry in begun {
        let state = known.items.get(&entry).map_or("unknown", String::as_str);
        findings.expect(Kind::NoIntent, matches!(state, "intended" | "settled"), || {
            format!("{entry} is begun, and `{state}` in the checkpoint")
        });
    }
    findings.0
}

/// What the checkpoint of a dead process says was intended.
#[derive(Default)]
struct Intents {
    job: Option<String>,
    items: BTreeMap<String, String>,
}

impl Intents {
    /// Reads a copy, so that looking changes nothing for the process that comes next.
    fn read(world: &World) -> Self {
        let copy = tempfile::tempdir().unwrap();
        for name in ["checkpoint.sqlite3", "checkpoint.sqlite3-wal"] {
            if world.path(name).exists() {
                fs::copy(world.path(name), copy.path().join(name)).unwrap();
            }
        }
        let connection = Connection::open(copy.path().join("checkpoint.sqlite3")).unwrap();
        let has_tables: bool = connection
            .query_row(
                "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'item'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        if !has_tables {
            return Self::default();
        }
        let rows = |sql: &str| -> Vec<(String, String)> {
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap();
            rows.map(Result::unwrap).collect()
        };
        Self {
            job: rows("SELECT id, state FROM job").pop().map(|(_, state)| state),
            items: rows("SELECT entry_id, state FROM item").into_iter().collect(),
        }
    }
}

/// Once all is done: each planned document once, each verdict true, each receipt there, the job closed, no rule
/// of the contract broken, the books clean.
pub fn when_done(world: &World, job_id: &str, job: &Job) -> Vec<Finding> {
    let mut findings = Findings::default();
    let state = world.sandbox.job(job_id);
    let ended = state.status == JobStatus::CompletedWithErrors
        && state.events == [Event::Started, Event::CompletedWithErrors];
    findings.expect(Kind::Loss, ended, || {
        format!("the job is {:?} after {:?}", state.status, state.events)
    });
    for rule in world.sandbox.broken_rules() {
        findings.add(Kind::Disorder, format!("broken rule: {rule}"));
    }
    let books = world.books();
    let mut booked = documents(&books);
    let mut receipts = receipts(&books, &mut findings);
    for (entry, fate) in job.fates() {
        let in_books = booked.remove(&entry).unwrap_or_default();
        let receipts = receipts.remove(&entry).unwrap_or_default();
        let item = state.item(&entry);
        match fate {
            Fate::Booked {
                parts,
                receipts: wanted,
            } => {
                for part in parts {
                    let times = in_books
                        .iter()
                        .filter(|document| part_of(document) == part)
                        .count();
                    findings.expect(Kind::Loss, times > 0, || {
                        format!("{entry} {part} is not in the books")
                    });
                    findings.expect(Kind::Duplicate, times < 2, || {
                        format!("{entry} {part} is booked {times} times")
                    });
                }
                findings.expect(Kind::Loss, receipts == wanted, || {
                    format!("{entry} has receipts of {receipts:?} bytes instead of {wanted:?}")
                });
                let number = in_books.iter().find(|document| part_of(document) == "main");
                let number = number.and_then(|document| document.metadata.get("pleo-number"));
                check_success(&mut findings, item, number);
            }
            Fate::Refused(wanted) => {
                findings.expect(Kind::FalseVerdict, in_books.is_empty(), || {
                    format!("{entry} is refused and booked")
                });
                let is_told =
                    item.status == ItemStatus::Failed && item.failure_reason_type.as_deref() == Some(wanted);
                findings.expect(Kind::FalseVerdict, is_told, || {
                    format!("not refused with {wanted}: {item:?}")
                });
            }
        }
    }
    for entry in booked.into_keys().chain(receipts.into_keys()) {
        findings.add(
            Kind::Duplicate,
            format!("{entry} is in the books and was never exported"),
        );
    }
    check_order(&mut findings, &books);
    findings.0
}

fn check_success(findings: &mut Findings, item: &ItemState, number: Option<&String>) {
    let (entry, reason) = (&item.entry, item.failure_reason.as_deref().unwrap_or_default());
    match item.status {
        ItemStatus::Successful => {
            let is_true = item.external_id.as_ref() == number;
            findings.expect(Kind::FalseVerdict, is_true, || {
                format!(
                    "{entry} is told as {:?} and booked as {number:?}",
                    item.external_id
                )
            });
        }
        // Every item of this kind can be booked, so even a failure that owns up to it is one too many.
        ItemStatus::Failed => {
            let owns_up = reason.starts_with("Booked as") || reason.starts_with("May be booked");
            let kind = if number.is_some() && !owns_up {
                Kind::FalseVerdict
            } else {
                Kind::Loss
            };
            findings.add(
                kind,
                format!("{entry} is told as failed and booked as {number:?}: {reason}"),
            );
        }
        status => findings.add(Kind::Loss, format!("{entry} has no verdict: {status:?}")),
    }
}

fn part_of(document: &Transaction) -> &str {
    document.metadata.get("pleo-part").map_or("main", String::as_str)
}

/// Every document of an entry, of whatever revision.
fn documents(books: &Books) -> BTreeMap<String, Vec<Transaction>> {
    let mut documents: BTreeMap<String, Vec<Transaction>> = BTreeMap::new();
    for transaction in books.transactions() {
        if let Some(entry) = transaction.metadata.get("pleo-entry").cloned() {
            documents.entry(entry).or_default().push(transaction);
        }
    }
    documents
}

/// The sizes of each entry's receipts, of those whose bytes are there.
fn receipts(books: &Books, findings: &mut Findings) -> BTreeMap<String, Vec<u64>> {
    let mut receipts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (file, text) in books.files() {
        for block in text.split("\n\n") {
            let Some(line) = block.lines().find(|line| line.get(10..20) == Some(" document ")) else {
                continue;
            };
            let value = |key: &str| {
                let line = block.lines().find_map(|line| line.trim().strip_prefix(key))?;
                Some(line.trim().trim_matches('"').to_owned())
            };
            let path = line.split('"').nth(1);
            let (Some(path), Some(entry), Some(sha256)) = (path, value("receipt-of:"), value("sha256:"))
            else {
                findings.add(Kind::Loss, format!("{} is cut short", file.display()));
                continue;
            };
            let path = file.parent().unwrap().join(path);
            let bytes = fs::read(&path).unwrap_or_default();
            let is_whole = sha256 == hex(&Sha256::digest(&bytes));
            findings.expect(Kind::Loss, is_whole, || {
                format!(
                    "the receipt {} of {entry} is not what was fetched",
                    path.display()
                )
            });
            receipts.entry(entry).or_default().push(bytes.len() as u64);
        }
    }
    for sizes in receipts.values_mut() {
        sizes.sort_unstable();
    }
    receipts
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Numbers without gap or repetition, and transactions that balance: what bean-check would say, but fast.
fn check_order(findings: &mut Findings, books: &Books) {
    let transactions = books.transactions();
    let mut numbers: Vec<_> = transactions
        .iter()
        .filter_map(|transaction| transaction.metadata.get("pleo-number").cloned())
        .collect();
    numbers.sort();
    let gapless: Vec<_> = (1..=numbers.len())
        .map(|serial| format!("PLEO-2026-{serial:06}"))
        .collect();
    findings.expect(Kind::Disorder, numbers == gapless, || {
        format!("the numbers have gaps: {numbers:?}")
    });
    for transaction in &transactions {
        let sum: i64 = transaction
            .postings
            .iter()
            .map(|(_, amount)| hundredths(amount))
            .sum();
        let is_whole = sum == 0 && transaction.postings.len() > 1;
        findings.expect(Kind::Disorder, is_whole, || {
            format!("does not balance: {transaction:?}")
        });
    }
}

fn hundredths(amount: &str) -> i64 {
    let number = amount.split_whitespace().next().unwrap_or_default();
    number.replace(['.', ','], "").parse().unwrap_or(i64::MIN / 1_000)
}
