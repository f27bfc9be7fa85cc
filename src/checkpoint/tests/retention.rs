//! Payloads are kept for a while, and then they are nowhere.

use super::*;
use crate::host::files::beside;
use crate::model::export_job::JobStatus;
use crate::model::state::JobEvent;

const SECRET: &str = "the-name-of-an-employee";

/// How often the secret stands in the file and in its log.
fn copies(path: &Path) -> usize {
    let files = [path.to_owned(), beside(path, "-wal")];
    let bytes = files.iter().filter_map(|file| std::fs::read(file).ok());
    bytes
        .map(|bytes| {
            bytes
                .windows(SECRET.len())
                .filter(|part| *part == SECRET.as_bytes())
                .count()
        })
        .sum()
}

/// A claimed job of 1,200 items whose payloads are of several sizes, so that some have pages of their own.
fn add_job(checkpoint: &mut Checkpoint, id: &str) {
    let job = JobId::new(id);
    checkpoint.claim_job(&super::job(id, 1), now()).unwrap();
    let names: Vec<String> = (0..1_200).map(|number| format!("{id}-{number}")).collect();
    let page: Vec<_> = names
        .iter()
        .map(|name| listed(name, ItemStatus::Pending))
        .collect();
    checkpoint.store_control_page(&job, &page, now()).unwrap();
    let payloads = ["", "x", &"x".repeat(3_000), &"x".repeat(20_000)].map(|more| format!("{SECRET}{more}"));
    let items: Vec<_> = names
        .iter()
        .zip(payloads.iter().cycle())
        .map(|(name, payload)| data(name, payload, "2026-11-01"))
        .collect();
    checkpoint.store_payloads(&job, &items, now()).unwrap();
}

fn end(checkpoint: &mut Checkpoint, id: &str, at: DateTime<Utc>) {
    let job = JobId::new(id);
    checkpoint
        .job_event(&job, JobEvent::EndedByPleo, JobStatus::Failed.as_str(), at)
        .unwrap();
}

fn kept(checkpoint: &Checkpoint) -> (i64, i64) {
    let sql = "SELECT count(*), count(payload) FROM item_data WHERE supplier = 'Kaffebaren' AND amount = 1250 \
               AND currency = 'DKK' AND canonical_text = '2:\n'";
    checkpoint
        .connection
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
}

#[test]
fn payloads_of_jobs_that_are_over_are_overwritten_and_nothing_else() {
    let (_folder, path, mut checkpoint) = new_checkpoint();
    for id in ["old", "young", "open"] {
        add_job(&mut checkpoint, id);
    }
    end(&mut checkpoint, "old", now() - TimeDelta::days(31));
    end(&mut checkpoint, "young", now() - TimeDelta::days(29));
    let month = now() - TimeDelta::days(30);
    assert!(copies(&path) >= 3_600);
    assert_eq!(checkpoint.forget_payloads(month, || false).unwrap(), 1_200);
    assert_eq!(kept(&checkpoint), (3_600, 2_400));
    assert_eq!(
        copies(&path),
        2_400,
        "each that is kept stands there once, while the file is open"
    );
    assert_eq!(checkpoint.forget_payloads(month, || false).unwrap(), 0, "once");
    assert_eq!(
        checkpoint
            .forget_payloads(now() + TimeDelta::days(900), || false)
            .unwrap(),
        1_200
    );
    let open = checkpoint
        .in_scope_page(&JobId::new("open"), None, 5_000)
        .unwrap();
    assert!(
        open.iter().all(|item| item.payload.is_some()),
        "an open job keeps all"
    );
    end(&mut checkpoint, "open", now());
    // A stop leaves the rest to the next call.
    assert_eq!(checkpoint.forget_payloads(now(), || true).unwrap(), 1_000);
    assert_eq!(checkpoint.forget_payloads(now(), || false).unwrap(), 200);
    assert_eq!(kept(&checkpoint), (3_600, 0));
    assert_eq!(copies(&path), 0);
    drop(checkpoint);
    assert_eq!(copies(&path), 0);
}

#[test]
fn a_reader_that_holds_the_log_only_delays_it() {
    let (_folder, path, mut checkpoint) = new_checkpoint();
    add_job(&mut checkpoint, "job");
    end(&mut checkpoint, "job", now());
    let reader = Checkpoint::open_read_only(&path).unwrap().unwrap();
    assert_eq!(reader.jobs().unwrap().len(), 1);
    assert_eq!(checkpoint.forget_payloads(now(), || false).unwrap(), 1_200);
    drop(reader);
    drop(checkpoint);
    assert_eq!(copies(&path), 0, "the end of the run wrote the log into the file");
}
