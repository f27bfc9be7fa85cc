//! The life of a job, and which jobs are gone on with.

use super::*;
use crate::model::export_job::JobStatus;
use crate::model::state::{JobEvent, JobState};
use crate::model::verdict::{JobFailure, JobFailureType, JobOutcome};

fn state(checkpoint: &Checkpoint) -> JobState {
    checkpoint.job(&job_id()).unwrap().unwrap().state
}

#[test]
fn a_job_is_claimed_started_and_closed_with_an_outcome_that_is_kept() {
    let (_folder, path, mut checkpoint) = new_checkpoint();
    checkpoint.claim_job(&job("job-1", 1), now()).unwrap();
    assert_eq!(state(&checkpoint), JobState::Starting);
    checkpoint
        .job_event(&job_id(), JobEvent::Started, "", now())
        .unwrap();
    let deadline = now() + TimeDelta::hours(1);
    checkpoint.remember_deadline(&job_id(), deadline).unwrap();
    checkpoint
        .set_last_error(&job_id(), Some(("Pleo is out of reach", "run again")))
        .unwrap();
    let closing = JobOutcome::Failed(JobFailure {
        failure_type: JobFailureType::AccountingSystemUnreachable,
        reason: "The books are out of reach.".to_owned(),
    });
    checkpoint
        .close_job(&job_id(), &closing, "all failed", now())
        .unwrap();
    drop(checkpoint);

    let mut checkpoint = open(&path, &owner()).unwrap();
    assert_eq!(
        checkpoint.job(&job_id()).unwrap().unwrap(),
        JobRecord {
            id: job_id(),
            company_id: CompanyId::new("company-1"),
            state: JobState::Closing,
            created_at: now() - TimeDelta::hours(1),
            updated_at: now(),
            expires_at: Some(deadline),
            number_of_items: 3,
            vendor_based_bookkeeping: true,
            last_error: Some("Pleo is out of reach".to_owned()),
            last_hint: Some("run again".to_owned()),
            closing: Some(closing.clone()),
        }
    );
    checkpoint
        .job_event(&job_id(), JobEvent::Closed, "", now())
        .unwrap();
    checkpoint.set_last_error(&job_id(), None).unwrap();
    let job = checkpoint.job(&job_id()).unwrap().unwrap();
    assert_eq!(
        (job.state, job.closing, job.last_error),
        (JobState::Closed, Some(closing), None)
    );
    assert_eq!(
        audit(&checkpoint),
        [
            "job-1 claim",
            "job-1 started",
            "job-1 close failed all failed",
            "job-1 closed"
        ]
    );
}

#[test]
fn what_we_meant_for_a_job_that_ended_otherwise_is_forgotten_also_in_an_older_file() {
    let (_folder, _, mut checkpoint) = new_checkpoint();
    for (shown, status) in [
        (
            Some(JobOutcome::CompletedWithErrors),
            JobStatus::CompletedWithErrors,
        ),
        (None, JobStatus::Failed),
    ] {
        let id = JobId::new(status.as_str());
        checkpoint.adopt_job(&job(id.as_str(), 1), now()).unwrap();
        checkpoint
            .close_job(&id, &JobOutcome::Completed, "", now())
            .unwrap();
        checkpoint.ended_by_pleo(&id, shown.as_ref(), "", now()).unwrap();
        let job = checkpoint.job(&id).unwrap().unwrap();
        assert_eq!((job.status(), &job.closing), (Some(&status), &shown));
    }

    let (_folder, path) = of_version(10);
    raw(&path)
        .execute_batch("UPDATE job SET state = 'ended', closing_status = 'completed'")
        .unwrap();
    let job = open(&path, &owner()).unwrap().job(&job_id()).unwrap().unwrap();
    assert_eq!(job.status(), Some(&JobStatus::Failed));
}

#[test]
fn a_job_that_another_won_may_be_claimed_or_adopted_later() {
    let (_folder, _, mut checkpoint) = new_checkpoint();
    checkpoint.claim_job(&job("job-1", 1), now()).unwrap();
    checkpoint
        .claim_job(&job("job-1", 1), now())
        .expect("a start that died is claimed again");
    checkpoint
        .job_event(&job_id(), JobEvent::LostToAnother, "422", now())
        .unwrap();
    assert_eq!(checkpoint.open_jobs().unwrap(), []);
    checkpoint.claim_job(&job("job-1", 1), now()).unwrap();
    assert_eq!(state(&checkpoint), JobState::Starting);
    checkpoint
        .job_event(&job_id(), JobEvent::LostToAnother, "422", now())
        .unwrap();
    checkpoint.adopt_job(&job("job-1", 1), now()).unwrap();
    assert_eq!(state(&checkpoint), JobState::Started);
    checkpoint.adopt_job(&job("job-2", 1), now()).unwrap();
    assert_eq!(checkpoint.open_jobs().unwrap().len(), 2);
}

#[test]
fn a_job_that_was_to_be_closed_and_that_another_has_is_no_longer_ours_to_close() {
    let (_folder, _, mut checkpoint) = new_checkpoint();
    checkpoint.adopt_job(&job("job-1", 1), now()).unwrap();
    let failure = JobFailure {
        failure_type: JobFailureType::ValidationFailure,
        reason: "all failed".into(),
    };
    checkpoint
        .close_job(&job_id(), &JobOutcome::Failed(failure), "intent", now())
        .unwrap();
    checkpoint
        .job_event(&job_id(), JobEvent::LostToAnother, "it works on it", now())
        .unwrap();
    let record = checkpoint.job(&job_id()).unwrap().unwrap();
    assert_eq!((record.state, record.closing), (JobState::Foreign, None));
    checkpoint.adopt_job(&job("job-1", 1), now()).unwrap();
    assert_eq!(state(&checkpoint), JobState::Started);
}

#[test]
fn what_cannot_follow_is_refused_and_changes_nothing() {
    let (_folder, _, mut checkpoint) = new_checkpoint();
    let error = checkpoint
        .job_event(&job_id(), JobEvent::Started, "", now())
        .unwrap_err();
    assert_eq!(error.to_string(), "job `job-1` is not in the checkpoint");
    let page = [listed("a", ItemStatus::Pending)];
    let error = checkpoint
        .store_control_page(&job_id(), &page, now())
        .unwrap_err();
    assert_eq!(error.to_string(), "job `job-1` is not in the checkpoint");
    checkpoint.claim_job(&job("job-1", 1), now()).unwrap();
    let error = checkpoint
        .job_event(&job_id(), JobEvent::Closed, "", now())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "job `job-1`: `closed` cannot follow `starting`"
    );
    checkpoint
        .job_event(&job_id(), JobEvent::Started, "", now())
        .unwrap();
    let error = checkpoint
        .job_event(&job_id(), JobEvent::Close, "", now())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "job `job-1`: `close without an outcome` cannot follow `started`"
    );
    assert_eq!(state(&checkpoint), JobState::Started);
    assert_eq!(audit(&checkpoint), ["job-1 claim", "job-1 started"]);
}

#[test]
fn open_jobs_come_oldest_first_and_all_jobs_newest_first() {
    let (_folder, _, mut checkpoint) = new_checkpoint();
    for (id, age) in [("new", 1), ("old-b", 5), ("old-a", 5), ("done", 9)] {
        checkpoint.claim_job(&job(id, age), now()).unwrap();
    }
    checkpoint
        .job_event(&JobId::new("done"), JobEvent::EndedByPleo, "expired", now())
        .unwrap();
    let ids = |jobs: Vec<JobRecord>| -> Vec<String> {
        jobs.into_iter().map(|job| job.id.as_str().to_owned()).collect()
    };
    assert_eq!(ids(checkpoint.open_jobs().unwrap()), ["old-a", "old-b", "new"]);
    assert_eq!(ids(checkpoint.jobs().unwrap()), ["new", "old-b", "old-a", "done"]);
    // A row that is odd and over stops no run.
    let odd = "UPDATE job SET updated_at = 'yesterday' WHERE id = 'done'";
    checkpoint.connection.execute(odd, []).unwrap();
    assert_eq!(checkpoint.open_jobs().unwrap().len(), 3);
}

#[test]
fn what_a_poll_saw_again_is_not_written_again() {
    let (_folder, _, mut checkpoint) = new_checkpoint();
    let blocked = Blocked {
        by: job_id(),
        // Pleo's times may be finer than those that are kept.
        last_updated_at: "2026-11-22T10:00:00.123456Z".parse().unwrap(),
        is_stuck: false,
    };
    checkpoint.keep_blocked(Some(&blocked)).unwrap();
    let writes = checkpoint.connection.total_changes();
    checkpoint.keep_blocked(Some(&blocked)).unwrap();
    assert_eq!(checkpoint.connection.total_changes(), writes);
    checkpoint.keep_blocked(None).unwrap();
    assert_eq!(checkpoint.blocked().unwrap(), None);
}
