use std::fs;

use chrono::Utc;
use pleo_export::checkpoint::{Checkpoint, Owner};
use pleo_export::model::export_job::{ExportJob, ExportJobItem, ItemStatus as AtPleo, JobStatus};
use pleo_export::model::ids::{AccountingEntryId, CompanyId, JobId};
use pleo_export::model::state::{ItemEvent, ItemState, JobEvent, JobState, Report};
use pleo_export::model::verdict::{Failure, ItemFailureType, JobOutcome, Verdict};
use rusqlite::Connection;

use crate::interrupt::Fate;
use crate::support::World;

const ITEM_EVENTS: [ItemEvent; 9] = [
    ItemEvent::Load,
    ItemEvent::Intend,
    ItemEvent::Withdraw,
    ItemEvent::Decide,
    ItemEvent::Reopen,
    ItemEvent::Accept,
    ItemEvent::Reject,
    ItemEvent::SeenFinal,
    ItemEvent::SeenOpen,
];

const JOB_EVENTS: [JobEvent; 6] = [
    JobEvent::Started,
    JobEvent::LostToAnother,
    JobEvent::Claim,
    JobEvent::Close,
    JobEvent::Closed,
    JobEvent::EndedByPleo,
];

fn item_states() -> Vec<ItemState> {
    let reports = [Report::Unsent, Report::Accepted, Report::Rejected];
    let mut states = vec![
        ItemState::Listed,
        ItemState::Loaded,
        ItemState::Intended,
        ItemState::Foreign,
    ];
    states.extend(reports.map(ItemState::Declined));
    states.extend(reports.map(ItemState::Settled));
    states
}

#[test]
fn no_event_takes_an_item_where_it_must_not_go() {
    let may_be_booked = |state| matches!(state, ItemState::Intended | ItemState::Settled(_));
    for state in item_states() {
        for event in ITEM_EVENTS {
            let Ok(next) = state.next(event) else { continue };
            let way = format!("{state:?} with {event:?} becomes {next:?}");
            if may_be_booked(state) {
                // Only what says that nothing was sent takes an intent back.
                let is_withdrawn = event == ItemEvent::Withdraw && next == ItemState::Loaded;
                assert!(
                    may_be_booked(next) || next == ItemState::Foreign || is_withdrawn,
                    "forgets an intent: {way}"
                );
            }
            if state.report() == Some(Report::Accepted) {
                assert!(
                    next == state || next == ItemState::Foreign || event == ItemEvent::SeenOpen,
                    "takes back what Pleo has: {way}"
                );
            }
            if state == ItemState::Foreign {
                // Shown open again it is read anew, and nothing of it is taken for known.
                let is_read_anew = event == ItemEvent::Reopen && next == ItemState::Listed;
                assert!(
                    is_read_anew || next == ItemState::Foreign,
                    "touches what is somebody else's: {way}"
                );
            }
            if next.report() == Some(Report::Unsent) {
                let was_told = state.report() == Some(Report::Accepted) && event == ItemEvent::SeenOpen;
                assert!(
                    event == ItemEvent::Decide || was_told,
                    "a verdict from nowhere: {way}"
                );
            }
            if next == ItemState::Intended && state != next && !matches!(state, ItemState::Settled(_)) {
                assert_eq!(
                    (state, event),
                    (ItemState::Loaded, ItemEvent::Intend),
                    "books unread data: {way}"
                );
            }
        }
    }
}

#[test]
fn no_event_takes_a_job_where_it_must_not_go() {
    for state in JobState::ALL {
        for event in JOB_EVENTS {
            let Ok(next) = state.next(event) else { continue };
            let way = format!("{state:?} with {event:?} becomes {next:?}");
            if matches!(state, JobState::Closed | JobState::Ended) {
                assert_eq!(next, state, "over is over: {way}");
            }
            if next == JobState::Closed && state != next {
                assert_eq!(state, JobState::Closing, "closed without intent: {way}");
            }
            if state == JobState::Closing {
                assert!(
                    !matches!(next, JobState::Starting | JobState::Started),
                    "forgets an intent: {way}"
                );
            }
        }
    }
}

#[test]
fn every_state_survives_being_written_down() {
    for state in item_states() {
        let report = state.report().map(Report::as_str);
        assert_eq!(ItemState::from_words(state.as_str(), report), Some(state));
    }
    for state in JobState::ALL {
        assert_eq!(JobState::from_word(state.as_str()), Some(state));
    }
    assert_eq!(ItemState::from_words("settled", None), None);
    assert_eq!(ItemState::from_words("listed", Some("unsent")), None);
}

/// A world with a checkpoint in mid-job: three items settled, four intended, five loaded.
fn in_mid_job() -> World {
    let world = World::new().with_settings("[pleo]\nbatch_size = 4\n");
    world.add_mixed_job(12, 1);
    world.kill_at_update(3, Fate::TakesEffect);
    world
}

fn connection(world: &World) -> Connection {
    Connection::open(world.path("checkpoint.sqlite3")).unwrap()
}

#[test]
fn the_tables_hold_no_row_that_makes_no_sense() {
    let world = in_mid_job();
    let connection = connection(&world);
    for change in [
        "UPDATE item SET state = 'booked'",
        "UPDATE item SET report = 'unsent' WHERE state = 'loaded'",
        "UPDATE item SET state = 'settled' WHERE state = 'intended'",
        "UPDATE item SET data = NULL WHERE state = 'intended'",
        "UPDATE item SET external_id = NULL WHERE outcome = 'successful'",
        "UPDATE item SET reason = 'why' WHERE outcome = 'successful'",
        "UPDATE item SET outcome = 'failed' WHERE outcome = 'successful'",
        "UPDATE item SET pleo_status = 'lost'",
        "UPDATE item SET entry_id = ''",
        "UPDATE item SET job = 'none'",
        "UPDATE item SET job = 99",
        "UPDATE item SET data = 9999 WHERE state = 'intended'",
        "UPDATE item_data SET amount = NULL",
        "UPDATE job SET id = ''",
        "UPDATE job SET state = 'closed'",
        "UPDATE job SET state = 'paused'",
        "UPDATE job SET closing_status = 'completed'",
        "UPDATE job SET number_of_items = -1",
        "UPDATE job SET number_of_items = 'twelve'",
        "UPDATE meta SET clean = 2",
        "INSERT INTO meta SELECT 2, company_id, pleo_host, target, clean FROM meta",
        "UPDATE audit SET detail = ''",
        "DELETE FROM audit",
    ] {
        assert!(connection.execute(change, []).is_err(), "taken: {change}");
    }
    let loose: i64 = connection
        .query_row(
            "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(loose, 0, "every table is STRICT");
    drop(connection);
    world.run(&["resume"]).exits(0);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_file_that_was_damaged_while_nobody_looked_is_found_and_nothing_is_guessed() {
    let world = in_mid_job();
    // Everything into the one file, and the mark of a run that did not end in order stays.
    connection(&world)
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let path = world.path("checkpoint.sqlite3");
    let whole = fs::read(&path).unwrap();
    let booked = world.books().numbers();
    let mut found = 0;
    for page in 1..whole.len() / 4096 {
        let mut damaged = whole.clone();
        for byte in damaged.iter_mut().skip(page * 4096).take(200) {
            *byte ^= 0x5a;
        }
        fs::write(&path, damaged).unwrap();
        let run = world.run(&["poll"]);
        // A page that holds nothing any more is no damage; then the job is simply finished.
        if run.code == Some(1) {
            found += 1;
            run.says("checkpoint.sqlite3");
            assert!(world.books().numbers() == booked, "nothing is booked on a guess");
        } else {
            break;
        }
    }
    assert!(found > 1, "{found} damaged pages were found");
    world.keeps_its_promise();
}

#[test]
fn an_illegal_step_is_an_error_that_names_the_item() {
    let folder = tempfile::tempdir().unwrap();
    let owner = Owner {
        company_id: CompanyId::new("company"),
        pleo_host: "pleo.example".to_owned(),
        target: "books".to_owned(),
    };
    let mut checkpoint = Checkpoint::open(&folder.path().join("c.sqlite3"), &owner, None, |_| None).unwrap();
    #[allow(clippy::disallowed_methods, reason = "any time will do")]
    let now = Utc::now();
    let id = JobId::new("job-1");
    let job = ExportJob {
        id: id.clone(),
        company_id: owner.company_id.clone(),
        status: JobStatus::InProgress,
        created_at: now,
        started_at: None,
        last_updated_at: None,
        expires_in_seconds: 3600,
        number_of_items: 1,
        vendor_based_bookkeeping: false,
        failure_reason_type: None,
    };
    let entry = AccountingEntryId::new("entry-1");
    let item = |status| ExportJobItem {
        entry_id: entry.clone(),
        status,
        external_id: None,
    };
    checkpoint.adopt_job(&job, now).unwrap();
    checkpoint
        .store_control_page(&id, &[item(AtPleo::Pending)], now)
        .unwrap();
    let named = |error: pleo_export::checkpoint::CheckpointError| {
        let text = error.to_string();
        assert!(text.contains("entry-1") && text.contains("job-1"), "{text}");
    };
    named(
        checkpoint
            .intend(&id, std::slice::from_ref(&entry), now)
            .unwrap_err(),
    );
    named(
        checkpoint
            .accepted(&id, std::slice::from_ref(&entry), now)
            .unwrap_err(),
    );
    checkpoint
        .store_control_page(&id, &[item(AtPleo::Successful)], now)
        .unwrap();
    let failed = Verdict::Failed(Failure::nothing_booked(ItemFailureType::ValidationFailure, "why"));
    named(
        checkpoint
            .decide(&id, &[(entry.clone(), failed.clone())], &[].into(), now)
            .unwrap_err(),
    );
    named(
        checkpoint
            .decide(
                &JobId::new("job-1"),
                &[(AccountingEntryId::new("entry-1-stranger"), failed)],
                &[].into(),
                now,
            )
            .unwrap_err(),
    );
    assert!(
        checkpoint
            .close_job(&JobId::new("nobody's"), &JobOutcome::Completed, "", now)
            .is_err()
    );
    assert!(
        checkpoint
            .job_event(&id, JobEvent::Closed, "", now)
            .unwrap_err()
            .to_string()
            .contains("job-1")
    );
}
