//! The step that made rows small, from files of the version before it.

use super::*;
use crate::model::state::ItemState;

/// The version before the step.
const BEFORE: usize = 4;

fn read_facts(payload: &str) -> Option<ItemFacts> {
    let supplier = payload.strip_prefix("from ")?;
    Some(ItemFacts {
        supplier: Some(supplier.to_owned()),
        link: Some("https://pleo.example".to_owned()),
        canonical_text: format!("2:\n{payload}"),
        ..data("", "", "2026-11-01").facts.unwrap()
    })
}

/// A job in mid-work and one that is over.
fn former() -> (TempDir, PathBuf) {
    let (folder, path) = of_version(BEFORE);
    let connection = raw(&path);
    for (id, state) in [("job-2", "closed"), ("job-3", "ended"), ("job-4", "foreign")] {
        add_former_job(&connection, id, state);
    }
    let add = |job: &str, entry: &str, columns: &str, values: &str| {
        let sql = format!(
            "INSERT INTO item (job_id, entry_id, pleo_status, {columns}) VALUES ('{job}', '{entry}', 'pending', {values})"
        );
        connection.execute(&sql, []).unwrap();
    };
    let loaded = "state, sort_date, payload";
    add("job-1", "a", loaded, "'loaded', '2026-03-01', 'from A'");
    add("job-1", "b", loaded, "'intended', '2026-01-01', 'from B'");
    add("job-1", "c", loaded, "'loaded', '', 'unreadable'");
    add("job-1", "d", "state", "'listed'");
    let settled = "state, report, outcome, external_id, external_url, exported_at, sort_date, payload";
    for job in ["job-1", "job-2", "job-3"] {
        let values = "'settled', 'accepted', 'successful', 'PLEO-2026-000007', 'https://books.example/7', \
                      '2026-11-22T10:00:00.000Z', '2026-02-01', 'from E'";
        add(job, "e", settled, values);
    }
    let declined = "state, report, outcome, failure_type, reason, standing, payload";
    add(
        "job-2",
        "f",
        declined,
        "'declined', 'accepted', 'failed', 'vendor_unknown', 'No.', 'nothing_booked', 'unreadable'",
    );
    let line = "INSERT INTO audit (at, job_id, entry_id, event, detail) VALUES ('2026', 'job-2', 'f', 'decide', 'failed')";
    connection.execute(line, []).unwrap();
    (folder, path)
}

/// All that a look at the checkpoint shows of a job.
fn shown(checkpoint: &Checkpoint, job: &str) -> String {
    let job = JobId::new(job);
    let record = checkpoint.job(&job).unwrap().unwrap();
    let (counts, finality) = (
        checkpoint.counts(&job).unwrap(),
        checkpoint.finality(&job).unwrap(),
    );
    let failures = checkpoint.failures(&job).unwrap();
    let types = checkpoint.failure_types(&job).unwrap();
    format!("{record:?} {counts:?} {finality:?} {failures:?} {types:?}")
}

#[test]
fn nothing_is_lost_but_payloads_of_jobs_that_are_over() {
    let (_folder, path) = former();
    let jobs = ["job-1", "job-2", "job-3", "job-4"];
    let reader = Checkpoint::open_read_only(&path).unwrap().unwrap();
    let before = jobs.map(|job| shown(&reader, job));
    drop(reader);
    let checkpoint = Checkpoint::open(&path, &owner(), None, read_facts).unwrap();
    assert_eq!(
        jobs.map(|job| shown(&checkpoint, job)),
        before,
        "the same as a reader saw"
    );
    let in_scope = checkpoint.in_scope_page(&job_id(), None, 10).unwrap();
    let in_scope: Vec<_> = in_scope
        .iter()
        .map(|item| (item.entry_id.as_str(), item.state, item.payload.as_deref()))
        .collect();
    assert_eq!(
        in_scope,
        [
            ("c", ItemState::Loaded, Some("unreadable")),
            ("d", ItemState::Listed, None),
            ("b", ItemState::Intended, Some("from B")),
            ("a", ItemState::Loaded, Some("from A")),
        ]
    );
    let kept: Vec<String> = checkpoint
        .connection
        .prepare(
            "SELECT format('%s/%s %s %s %s %s %s', job.id, entry_id, date, supplier, amount || currency, link IS NULL, payload) \
             FROM item JOIN job ON job.number = item.job JOIN item_data ON item_data.number = item.data \
             WHERE job.id <> 'job-1' OR entry_id = 'e' ORDER BY job.id, entry_id",
        )
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        kept,
        [
            "job-1/e 2026-02-01 E 1250DKK 0 from E",
            "job-2/e 2026-02-01 E 1250DKK 0 ",
            "job-2/f    1 ",
            "job-3/e 2026-02-01 E 1250DKK 0 ",
        ]
    );
    assert_eq!(audit(&checkpoint), ["f decide failed"]);
    assert_eq!(checkpoint.given_numbers().unwrap(), BTreeMap::new());
    drop(checkpoint);
    let left = std::fs::read(&path).unwrap();
    let times = left.windows(6).filter(|bytes| bytes == b"from E").count();
    assert_eq!(
        times, 4,
        "a payload that is dropped is gone: one is kept, and three texts of hashes"
    );
}

#[test]
fn a_file_of_another_owner_is_not_brought_up_to_date() {
    let (_folder, path) = former();
    // As every checkpoint is once it was open for writing.
    drop(connect_for_writing(&path).unwrap());
    let before = std::fs::read(&path).unwrap();
    let other = Owner {
        company_id: CompanyId::new("company-2"),
        ..owner()
    };
    let error = Checkpoint::open(&path, &other, None, read_facts).unwrap_err();
    assert!(matches!(error.fault, Fault::BelongsToAnother { .. }));
    assert!(std::fs::read(&path).unwrap() == before, "not a byte has changed");
}

#[test]
fn a_step_that_finds_no_room_leaves_the_old_file() {
    let (_folder, path) = former();
    let connection = raw(&path);
    for number in 0..200 {
        let sql = "INSERT INTO item (job_id, entry_id, pleo_status, state, payload) \
                   VALUES ('job-1', ?1, 'pending', 'loaded', 'from ' || hex(zeroblob(1500)))";
        connection.execute(sql, [format!("entry-{number}")]).unwrap();
    }
    drop(connection);
    let mut refused = 0;
    for room in 1_i64.. {
        let mut connection = connect_for_writing(&path).unwrap();
        let pages: i64 = connection
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .unwrap();
        connection
            .pragma_update(None, "max_page_count", pages + room * 20)
            .unwrap();
        let step = prepare(&mut connection, &owner(), None, read_facts);
        drop(connection);
        match step {
            Ok(_) => break,
            Err(fault) => {
                let error = fault.at(&path);
                assert!(matches!(error.fault, Fault::Storage { .. }), "{error}");
                assert!(error.to_string().contains("disk is full"), "{error}");
            }
        }
        refused += 1;
        let version: i64 = raw(&path)
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        assert_eq!(version, i64::try_from(BEFORE).unwrap());
    }
    assert!(refused > 3, "there was room all the time");
    let checkpoint = Checkpoint::open(&path, &owner(), None, read_facts).unwrap();
    assert_eq!(checkpoint.counts(&job_id()).unwrap().total, 205);
}
