//! Whatever is asked in whatever order: each row stays one that can be read, and nothing but a step that cannot
//! follow is refused.

use proptest::prelude::*;

use super::*;
use crate::model::state::{ItemState, JobEvent, JobState};
use crate::model::verdict::JobOutcome;

#[derive(Clone, Debug)]
enum Operation {
    Claim,
    Adopt,
    Event(JobEvent),
    Close(JobOutcome),
    Control(usize, ItemStatus),
    Payload(usize),
    Begin,
    Intend(usize),
    Decide(usize, bool),
    Accept(usize),
    Reject(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    let status = prop::sample::select(vec![
        ItemStatus::Pending,
        ItemStatus::InProgress,
        ItemStatus::Failed,
        ItemStatus::Successful,
        ItemStatus::Abandoned,
    ]);
    let event = prop::sample::select(vec![
        JobEvent::Started,
        JobEvent::LostToAnother,
        JobEvent::Claim,
        JobEvent::Close,
        JobEvent::Closed,
        JobEvent::EndedByPleo,
    ]);
    let outcome = prop::sample::select(vec![JobOutcome::Completed, JobOutcome::CompletedWithErrors]);
    let item = 0..3_usize;
    prop_oneof![
        1 => Just(Operation::Claim),
        1 => Just(Operation::Adopt),
        1 => Just(Operation::Begin),
        1 => event.prop_map(Operation::Event),
        1 => outcome.prop_map(Operation::Close),
        4 => (item.clone(), status).prop_map(|(item, status)| Operation::Control(item, status)),
        4 => item.clone().prop_map(Operation::Payload),
        4 => item.clone().prop_map(Operation::Intend),
        4 => (item.clone(), any::<bool>()).prop_map(|(item, good)| Operation::Decide(item, good)),
        2 => item.clone().prop_map(Operation::Accept),
        2 => item.prop_map(Operation::Reject),
    ]
}

fn perform(checkpoint: &mut Checkpoint, operation: &Operation) -> Result<(), CheckpointError> {
    let id = job_id();
    let entries = ["a", "b", "c"].map(entry);
    let one = |item: &usize| entries[*item].clone();
    match operation {
        Operation::Claim => checkpoint.claim_job(&job("job-1", 1), now()),
        Operation::Adopt => checkpoint.adopt_job(&job("job-1", 1), now()),
        Operation::Event(event) => checkpoint.job_event(&id, *event, "", now()),
        Operation::Close(outcome) => checkpoint.close_job(&id, outcome, "", now()),
        Operation::Control(item, status) => {
            let page = [listed(one(item).as_str(), *status)];
            checkpoint.store_control_page(&id, &page, now()).map(drop)
        }
        Operation::Payload(item) => {
            let payloads = [data(one(item).as_str(), "{}", "2026-11-01")];
            checkpoint.store_payloads(&id, &payloads, now()).map(drop)
        }
        Operation::Begin => checkpoint.begin_run(&id, now()),
        Operation::Intend(item) => checkpoint.intend(&id, &[one(item)], now()),
        Operation::Decide(item, true) => {
            checkpoint.decide(&id, &[(one(item), successful("1"))], &[].into(), now())
        }
        Operation::Decide(item, false) => {
            let verdict = failed(ItemFailureType::UnexpectedFailure, "No.");
            checkpoint.decide(&id, &[(one(item), verdict)], &[].into(), now())
        }
        Operation::Accept(item) => checkpoint.accepted(&id, &[one(item)], now()),
        Operation::Reject(item) => checkpoint.rejected(&id, &[one(item)], now(), "no"),
    }
}

/// Every row is read by its words, and what is counted agrees with it.
fn check_rows(checkpoint: &Checkpoint) {
    let mut statement = checkpoint
        .connection
        .prepare("SELECT state, report FROM item")
        .unwrap();
    let words = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let states: Vec<ItemState> = words
        .map(|words| {
            let (state, report): (String, Option<String>) = words.unwrap();
            ItemState::from_words(&state, report.as_deref()).expect("a row that can be read")
        })
        .collect();
    let in_scope = checkpoint.in_scope_page(&job_id(), None, 10).unwrap();
    let counts = checkpoint.counts(&job_id()).unwrap();
    assert_eq!(usize::try_from(counts.total).unwrap(), states.len());
    assert_eq!(usize::try_from(counts.open).unwrap(), in_scope.len());
    assert_eq!(counts.total, counts.successful + counts.failed + counts.open);
    for item in in_scope {
        assert_eq!(item.payload.is_none(), item.state == ItemState::Listed);
    }
    checkpoint.unsent(&job_id(), 10).unwrap();
    checkpoint.rejected_items(&job_id()).unwrap();
    let failures = checkpoint.failures(&job_id()).unwrap().len();
    let types = checkpoint.failure_types(&job_id()).unwrap();
    assert_eq!(
        types.iter().map(|(_, count)| *count).sum::<u64>(),
        failures as u64
    );
    for job in checkpoint.jobs().unwrap() {
        let is_closing = matches!(job.state, JobState::Closing | JobState::Closed);
        assert!(!is_closing || job.closing.is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_order_of_operations_leaves_a_row_that_cannot_be_read(
        operations in prop::collection::vec(operation(), 1..60)
    ) {
        let (_folder, _, mut checkpoint) = new_checkpoint();
        // The test is about rows, not about power cuts.
        checkpoint.connection.pragma_update(None, "synchronous", "OFF").unwrap();
        checkpoint.claim_job(&job("job-1", 1), now()).unwrap();
        for operation in &operations {
            match perform(&mut checkpoint, operation) {
                Ok(()) | Err(CheckpointError { fault: Fault::Illegal { .. } | Fault::Missing { .. }, .. }) => {}
                Err(error) => panic!("{operation:?}: {error}"),
            }
            check_rows(&checkpoint);
        }
    }
}
