//! The checkpoint on real files. What all tests share is here.

mod columns;
mod items;
mod jobs;
mod opening;
mod random;
mod retention;
mod small_rows;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

use rusqlite::Connection;

use super::connection::connect_for_writing;
use super::file::prepare;
use super::*;
use crate::model::export_job::{ExportJob, ExportJobItem, ItemStatus, JobStatus};
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::money::{Amount, Money};
use crate::model::verdict::{Exported, Failure, ItemFailureType, Standing, Verdict};

fn owner() -> Owner {
    Owner {
        company_id: CompanyId::new("company-1"),
        pleo_host: "external.pleo.io".to_owned(),
        target: "beancount /books".to_owned(),
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00.123Z".parse().unwrap()
}

fn job_id() -> JobId {
    JobId::new("job-1")
}

fn job(id: &str, age_in_hours: i64) -> ExportJob {
    ExportJob {
        id: JobId::new(id),
        company_id: CompanyId::new("company-1"),
        status: JobStatus::Pending,
        created_at: now() - TimeDelta::hours(age_in_hours),
        started_at: None,
        last_updated_at: None,
        expires_in_seconds: 3600,
        number_of_items: 3,
        vendor_based_bookkeeping: true,
        failure_reason_type: None,
    }
}

fn entry(id: &str) -> AccountingEntryId {
    AccountingEntryId::new(id)
}

fn listed(id: &str, status: ItemStatus) -> ExportJobItem {
    ExportJobItem {
        entry_id: entry(id),
        status,
        external_id: None,
    }
}

fn successful(number: &str) -> Verdict {
    Verdict::Successful(Exported {
        external_id: number.to_owned(),
        external_url: Some(format!("https://books.example/{number}")),
        exported_at: now(),
    })
}

fn failed(failure_type: ItemFailureType, reason: &str) -> Verdict {
    Verdict::Failed(Failure::nothing_booked(failure_type, reason))
}

fn open(path: &Path, owner: &Owner) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::open(path, owner, None, |_| None)
}

/// What the data layer says of an item of this day.
fn data(id: &str, payload: &str, day: &str) -> ItemData {
    let date = format!("{day}T00:00:00Z");
    ItemData {
        entry_id: entry(id),
        payload: payload.to_owned(),
        facts: Some(ItemFacts {
            date: date.parse().unwrap(),
            supplier: Some("Kaffebaren".to_owned()),
            amount: Money {
                amount: Amount::hundredths(12_50),
                currency: "DKK".parse().unwrap(),
            },
            link: None,
            canonical_text: "2:\n".to_owned(),
        }),
    }
}

/// The same where nothing can be read.
fn unreadable(id: &str) -> ItemData {
    ItemData {
        entry_id: entry(id),
        payload: "{}".to_owned(),
        facts: None,
    }
}

/// A new checkpoint in a folder of its own.
fn new_checkpoint() -> (TempDir, PathBuf, Checkpoint) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state").join("pleo.sqlite3");
    let checkpoint = open(&path, &owner()).unwrap();
    (folder, path, checkpoint)
}

/// The same with a claimed job of three loaded items, `a` to `c`.
fn with_items() -> (TempDir, PathBuf, Checkpoint) {
    let (folder, path, mut checkpoint) = new_checkpoint();
    checkpoint.claim_job(&job("job-1", 1), now()).unwrap();
    let page = ["a", "b", "c"].map(|id| listed(id, ItemStatus::Pending));
    assert_eq!(checkpoint.store_control_page(&job_id(), &page, now()).unwrap(), 3);
    let payloads = ["a", "b", "c"].map(|id| data(id, "{}", "2026-11-01"));
    assert!(
        checkpoint
            .store_payloads(&job_id(), &payloads, now())
            .unwrap()
            .is_empty()
    );
    (folder, path, checkpoint)
}

/// A file as that version of the schema has it, with one job.
fn of_version(version: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pleo.sqlite3");
    let connection = raw(&path);
    schema::make_version(&connection, version).unwrap();
    let owner = owner();
    connection
        .execute(
            "INSERT INTO meta (id, company_id, pleo_host, target, clean) VALUES (1, ?1, ?2, ?3, 1)",
            [owner.company_id.as_str(), &owner.pleo_host, &owner.target],
        )
        .unwrap();
    add_former_job(&connection, "job-1", "started");
    (folder, path)
}

fn add_former_job(connection: &Connection, id: &str, state: &str) {
    let closing = (state == "closed").then_some("completed");
    let sql = "INSERT INTO job (id, company_id, created_at, number_of_items, vendor_based_bookkeeping, state, updated_at, \
               closing_status) VALUES (?1, 'company-1', '2026-11-22T10:00:00.000Z', 3, 1, ?2, '2026-11-22T10:00:00.000Z', ?3)";
    connection.execute(sql, (id, state, closing)).unwrap();
}

fn audit(checkpoint: &Checkpoint) -> Vec<String> {
    let mut statement = checkpoint
        .connection
        .prepare(
            "SELECT coalesce(entry_id, entries, job_id, '') || ' ' || event || ' ' || detail FROM audit ORDER BY id",
        )
        .unwrap();
    let lines = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    lines.map(|line| line.unwrap().trim().to_owned()).collect()
}

fn raw(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}
