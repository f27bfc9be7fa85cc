//! Why verdicts are committed a batch at a time: the same hundred in one commit and in a hundred.
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has nothing to measure"
)]

use chrono::{DateTime, Utc};
use divan::Bencher;
use pleo_export::checkpoint::{Checkpoint, ItemData, Owner};
use pleo_export::model::export_job::{ExportJob, ExportJobItem, ItemStatus, JobStatus};
use pleo_export::model::ids::{AccountingEntryId, CompanyId, JobId};
use tempfile::TempDir;

const ITEMS: usize = 100;

fn main() {
    divan::main();
}

struct Ready {
    _folder: TempDir,
    checkpoint: Checkpoint,
    job: JobId,
    entries: Vec<AccountingEntryId>,
}

#[divan::bench(sample_count = 20)]
fn intent_of_a_batch_in_one_commit(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(ready).bench_values(|mut ready| {
        ready
            .checkpoint
            .intend(&ready.job, &ready.entries, now())
            .unwrap();
        ready
    });
}

#[divan::bench(sample_count = 20)]
fn intent_of_each_item_in_a_commit_of_its_own(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(ready).bench_values(|mut ready| {
        for entry in &ready.entries {
            ready
                .checkpoint
                .intend(&ready.job, std::slice::from_ref(entry), now())
                .unwrap();
        }
        ready
    });
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn ready() -> Ready {
    let folder = tempfile::tempdir().unwrap();
    let owner = Owner {
        company_id: CompanyId::new("company"),
        pleo_host: "localhost".to_owned(),
        target: "books".to_owned(),
    };
    let mut checkpoint =
        Checkpoint::open(&folder.path().join("checkpoint.sqlite3"), &owner, None, |_| None).unwrap();
    let job = JobId::new("job");
    let export_job = ExportJob {
        id: job.clone(),
        company_id: owner.company_id,
        status: JobStatus::Pending,
        created_at: now(),
        started_at: None,
        last_updated_at: None,
        expires_in_seconds: 3600,
        number_of_items: ITEMS as u64,
        vendor_based_bookkeeping: false,
        failure_reason_type: None,
    };
    checkpoint.claim_job(&export_job, now()).unwrap();
    let entries: Vec<_> = (0..ITEMS)
        .map(|number| AccountingEntryId::new(format!("entry-{number}")))
        .collect();
    let page: Vec<_> = entries
        .iter()
        .map(|entry_id| ExportJobItem {
            entry_id: entry_id.clone(),
            status: ItemStatus::Pending,
            external_id: None,
        })
        .collect();
    checkpoint.store_control_page(&job, &page, now()).unwrap();
    let payloads: Vec<_> = entries
        .iter()
        .map(|entry_id| ItemData {
            entry_id: entry_id.clone(),
            payload: "{}".to_owned(),
            facts: None,
        })
        .collect();
    checkpoint.store_payloads(&job, &payloads, now()).unwrap();
    Ready {
        _folder: folder,
        checkpoint,
        job,
        entries,
    }
}
