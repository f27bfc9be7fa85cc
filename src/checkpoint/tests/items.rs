//! Items on their way to a verdict that Pleo has.

use super::*;
use crate::model::state::ItemState;

fn in_scope(checkpoint: &Checkpoint) -> Vec<(String, ItemState)> {
    let items = checkpoint.in_scope_page(&job_id(), None, 100).unwrap();
    items
        .into_iter()
        .map(|item| (item.entry_id.as_str().to_owned(), item.state))
        .collect()
}

fn ids<T>(items: Vec<(AccountingEntryId, T)>) -> Vec<String> {
    items
        .into_iter()
        .map(|(entry, _)| entry.as_str().to_owned())
        .collect()
}

#[test]
fn an_item_goes_from_the_list_to_a_verdict_that_pleo_has() {
    let (_folder, path, mut checkpoint) = with_items();
    let (a, b) = (entry("a"), entry("b"));
    checkpoint
        .intend(&job_id(), &[a.clone(), b.clone()], now())
        .unwrap();
    let page = checkpoint.in_scope_page(&job_id(), None, 10).unwrap();
    let intended: Vec<bool> = page
        .iter()
        .map(|item| item.state == ItemState::Intended)
        .collect();
    assert_eq!(intended, [true, true, false]);
    let verdicts = [
        (a.clone(), successful("2026-1")),
        (
            b.clone(),
            failed(
                ItemFailureType::AccountUnknown,
                "Account 6800 is not in the books.",
            ),
        ),
    ];
    checkpoint
        .decide(&job_id(), &verdicts, &[].into(), now())
        .unwrap();
    drop(checkpoint);

    let mut checkpoint = open(&path, &owner()).unwrap();
    assert_eq!(checkpoint.unsent(&job_id(), 10).unwrap(), verdicts);
    assert_eq!(ids(checkpoint.unsent(&job_id(), 1).unwrap()), ["a"]);
    checkpoint.accepted(&job_id(), &[a], now()).unwrap();
    checkpoint
        .rejected(&job_id(), &[b], now(), "no such entry")
        .unwrap();
    assert_eq!(checkpoint.unsent(&job_id(), 10).unwrap(), []);
    assert_eq!(ids(checkpoint.rejected_items(&job_id()).unwrap()), ["b"]);
    assert_eq!(
        checkpoint.counts(&job_id()).unwrap(),
        Counts {
            total: 3,
            successful: 1,
            failed: 1,
            open: 1
        }
    );
    assert_eq!(
        audit(&checkpoint),
        [
            "job-1 claim",
            "job-1 control_page 3 new of 3",
            "job-1 data_page 3 stored of 3",
            r#"["a","b"] intend"#,
            "a decide successful as 2026-1",
            "b decide failed, account_unknown: Account 6800 is not in the books. Nothing was booked.",
            "a accept",
            "b refuse no such entry",
        ]
    );
}

#[test]
fn an_id_twice_counts_once() {
    let (_folder, _, mut checkpoint) = new_checkpoint();
    checkpoint.claim_job(&job("job-1", 1), now()).unwrap();
    let page = ["a", "b", "a"].map(|id| listed(id, ItemStatus::Pending));
    assert_eq!(checkpoint.store_control_page(&job_id(), &page, now()).unwrap(), 2);
    assert_eq!(checkpoint.store_control_page(&job_id(), &page, now()).unwrap(), 0);
    assert_eq!(checkpoint.counts(&job_id()).unwrap().total, 2);
}

#[test]
fn final_items_are_never_in_scope() {
    let (_folder, _, mut checkpoint) = new_checkpoint();
    checkpoint.claim_job(&job("job-1", 1), now()).unwrap();
    let page = [
        listed("done", ItemStatus::Successful),
        listed("failed", ItemStatus::Failed),
        listed("gone", ItemStatus::Abandoned),
        listed("open", ItemStatus::Pending),
        listed("theirs", ItemStatus::InProgress),
    ];
    checkpoint.store_control_page(&job_id(), &page, now()).unwrap();
    let all = ["done", "failed", "gone", "open", "theirs", "unknown"];
    let payloads = all.map(unreadable);
    assert_eq!(
        checkpoint.store_payloads(&job_id(), &payloads, now()).unwrap(),
        [5]
    );
    assert_eq!(
        in_scope(&checkpoint),
        [
            ("open".to_owned(), ItemState::Loaded),
            ("theirs".to_owned(), ItemState::Loaded)
        ]
    );
    assert_eq!(
        checkpoint.counts(&job_id()).unwrap(),
        Counts {
            total: 5,
            successful: 1,
            failed: 2,
            open: 2
        }
    );
    let error = checkpoint
        .decide(&job_id(), &[(entry("done"), successful("1"))], &[].into(), now())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "item `done` of job `job-1`: `decide` cannot follow `foreign`"
    );
}

#[test]
fn the_work_is_ordered_by_date_and_read_page_by_page() {
    let (_folder, _, mut checkpoint) = new_checkpoint();
    checkpoint.claim_job(&job("job-1", 1), now()).unwrap();
    let dates = [
        ("a", "2026-03-01"),
        ("b", "2026-01-01"),
        ("c", "2026-02-01"),
        ("d", "2026-01-01"),
    ];
    let mut page = dates.map(|(id, _)| listed(id, ItemStatus::Pending)).to_vec();
    page.push(listed("e", ItemStatus::Pending));
    checkpoint.store_control_page(&job_id(), &page, now()).unwrap();
    let payloads = dates.map(|(id, date)| data(id, "{}", date));
    checkpoint.store_payloads(&job_id(), &payloads, now()).unwrap();
    checkpoint.arrange(&job_id()).unwrap();
    assert_eq!(checkpoint.without_payload(&job_id()).unwrap(), [entry("e")]);

    let mut seen = Vec::new();
    let mut after: Option<Position> = None;
    loop {
        let page = checkpoint.in_scope_page(&job_id(), after.as_ref(), 2).unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        after = Some(last.position);
        // What is decided on the way leaves the scope and moves nobody.
        let verdicts: Vec<_> = page
            .into_iter()
            .map(|item| (item.entry_id, failed(ItemFailureType::ValidationFailure, "No.")))
            .collect();
        checkpoint
            .decide(&job_id(), &verdicts, &[].into(), now())
            .unwrap();
        seen.extend(ids(verdicts));
    }
    assert_eq!(seen, ["e", "b", "d", "c", "a"]);
}

#[test]
fn a_new_run_proves_afresh_what_pleo_does_not_have() {
    let (_folder, _, mut checkpoint) = with_items();
    let (a, b, c) = (entry("a"), entry("b"), entry("c"));
    checkpoint
        .intend(&job_id(), &[a.clone(), b.clone()], now())
        .unwrap();
    let verdicts = [
        (a.clone(), successful("1")),
        (b.clone(), successful("2")),
        (c.clone(), failed(ItemFailureType::VendorUnknown, "No vendor.")),
    ];
    checkpoint
        .decide(&job_id(), &verdicts, &[].into(), now())
        .unwrap();
    checkpoint.accepted(&job_id(), &[a], now()).unwrap();
    checkpoint.rejected(&job_id(), &[b], now(), "no").unwrap();
    checkpoint.begin_run(&job_id(), now()).unwrap();
    checkpoint.arrange(&job_id()).unwrap();
    assert_eq!(
        in_scope(&checkpoint),
        [
            ("c".to_owned(), ItemState::Listed),
            ("b".to_owned(), ItemState::Intended)
        ],
        "c was never intended and is read again; a is done"
    );
    assert_eq!(checkpoint.without_payload(&job_id()).unwrap(), [entry("c")]);
    assert_eq!(checkpoint.unsent(&job_id(), 10).unwrap(), []);
    checkpoint
        .begin_run(&job_id(), now())
        .expect("beginning twice is no harm");
    checkpoint
        .store_payloads(&job_id(), &[unreadable("c")], now())
        .unwrap();
    assert_eq!(checkpoint.without_payload(&job_id()).unwrap(), []);
}

#[test]
fn the_control_layer_tells_which_verdicts_arrived() {
    let (_folder, _, mut checkpoint) = with_items();
    let (a, b, c) = (entry("a"), entry("b"), entry("c"));
    checkpoint
        .intend(&job_id(), &[a.clone(), b.clone(), c.clone()], now())
        .unwrap();
    let verdicts = [
        (a, successful("1")),
        (b, failed(ItemFailureType::TagUnknown, "No tag.")),
        (c, successful("3")),
    ];
    checkpoint
        .decide(&job_id(), &verdicts, &[].into(), now())
        .unwrap();
    let page = [
        listed("a", ItemStatus::Successful),
        listed("b", ItemStatus::Successful),
        listed("c", ItemStatus::InProgress),
    ];
    checkpoint.store_control_page(&job_id(), &page, now()).unwrap();
    assert_eq!(ids(checkpoint.unsent(&job_id(), 10).unwrap()), ["c"]);
    let trail = audit(&checkpoint);
    assert!(
        trail.contains(&"a accept seen in the control layer".to_owned()),
        "{trail:?}"
    );
    assert!(
        trail
            .iter()
            .any(|line| line.starts_with("b seen_final successful") && line.contains("No tag.")),
        "the verdict that is overruled stays known: {trail:?}"
    );
    assert_eq!(checkpoint.counts(&job_id()).unwrap().successful, 3);
    let lines = trail.len();
    checkpoint.store_control_page(&job_id(), &page, now()).unwrap();
    assert_eq!(audit(&checkpoint).len(), lines + 1, "nothing new is no news");
}

#[test]
fn failures_are_told_with_their_kinds_commonest_first() {
    let (_folder, _, mut checkpoint) = with_items();
    let verdicts = [
        (entry("a"), failed(ItemFailureType::VendorUnknown, "No vendor.")),
        (entry("b"), failed(ItemFailureType::AccountUnknown, "No account.")),
        (entry("c"), failed(ItemFailureType::VendorUnknown, "No vendor.")),
    ];
    checkpoint
        .decide(&job_id(), &verdicts, &[].into(), now())
        .unwrap();
    checkpoint.accepted(&job_id(), &[entry("b")], now()).unwrap();
    assert_eq!(ids(checkpoint.failures(&job_id()).unwrap()), ["a", "b", "c"]);
    assert_eq!(
        checkpoint.failure_types(&job_id()).unwrap(),
        [
            (ItemFailureType::VendorUnknown, 2),
            (ItemFailureType::AccountUnknown, 1)
        ]
    );
}

#[test]
fn a_batch_is_committed_whole_or_not_at_all() {
    let (_folder, _, mut checkpoint) = with_items();
    let lines = audit(&checkpoint).len();
    let error = checkpoint
        .intend(&job_id(), &[entry("a"), entry("unknown")], now())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "item `unknown` of job `job-1` is not in the checkpoint"
    );
    assert!(
        in_scope(&checkpoint)
            .iter()
            .all(|(_, state)| *state == ItemState::Loaded)
    );
    assert_eq!(audit(&checkpoint).len(), lines);
}
