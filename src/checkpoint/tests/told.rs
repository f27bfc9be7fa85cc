//! What was given and told earlier.

use super::*;

#[test]
fn the_highest_number_of_each_year_stays_the_highest() {
    let (_folder, path, mut checkpoint) = new_checkpoint();
    assert_eq!(checkpoint.given_numbers().unwrap(), BTreeMap::new());
    for (given, expected) in [
        (BTreeMap::from([(2026, 7)]), BTreeMap::from([(2026, 7)])),
        (
            BTreeMap::from([(2026, 3), (2025, 9)]),
            BTreeMap::from([(2025, 9), (2026, 7)]),
        ),
        (
            BTreeMap::from([(2026, 8)]),
            BTreeMap::from([(2025, 9), (2026, 8)]),
        ),
    ] {
        checkpoint.keep_numbers(&given).unwrap();
        drop(checkpoint);
        checkpoint = Checkpoint::open(&path, &owner()).unwrap();
        assert_eq!(checkpoint.given_numbers().unwrap(), expected);
    }
}

#[test]
fn an_older_checkpoint_knows_the_numbers_that_pleo_was_told() {
    let (_folder, path, mut checkpoint) = with_items();
    let verdicts = ["PLEO-2026-000012", "PLEO-2026-000003", "BILL/2026/06/0001"];
    let verdicts: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .zip(verdicts)
        .map(|(id, number)| (entry(id), successful(number)))
        .collect();
    checkpoint.decide(&job_id(), &verdicts, now()).unwrap();
    drop(checkpoint);
    // As the first version left it.
    raw(&path)
        .execute_batch(
            "DROP TABLE given_number; DROP INDEX item_told; DROP TABLE contact; \
             ALTER TABLE item DROP COLUMN booked_as; ALTER TABLE item DROP COLUMN standing; PRAGMA user_version = 1",
        )
        .unwrap();
    let checkpoint = Checkpoint::open(&path, &owner()).unwrap();
    assert_eq!(checkpoint.given_numbers().unwrap(), BTreeMap::from([(2026, 12)]));
}

#[test]
fn what_pleo_was_told_in_another_job_is_known() {
    let (_folder, _path, mut checkpoint) = with_items();
    let verdicts = [
        (entry("a"), successful("PLEO-2026-000001")),
        (entry("b"), successful("PLEO-2026-000002")),
        (entry("c"), failed(ItemFailureType::AccountUnknown, "unknown")),
    ];
    checkpoint.decide(&job_id(), &verdicts, now()).unwrap();
    let told = [entry("a"), entry("c")];
    checkpoint.accepted(&job_id(), &told, now()).unwrap();
    assert_eq!(
        checkpoint.told_before(&job_id()).unwrap(),
        [],
        "not in its own job"
    );
    let again = JobId::new("job-2");
    checkpoint.claim_job(&job("job-2", 0), now()).unwrap();
    let page = ["a", "b", "c", "d"].map(|id| listed(id, ItemStatus::Pending));
    checkpoint.store_control_page(&again, &page, now()).unwrap();
    assert_eq!(
        checkpoint.told_before(&again).unwrap(),
        [(entry("a"), "PLEO-2026-000001".to_owned())]
    );
}

#[test]
fn the_texts_of_an_older_checkpoint_are_read_for_what_the_books_have_once() {
    let texts = [
        (
            "The invoice has no number. Nothing was booked.",
            Standing::NothingBooked,
            "The invoice has no number.",
        ),
        (
            "Not: Booked as X: why. Nothing was booked.",
            Standing::NothingBooked,
            "Not: Booked as X: why.",
        ),
        (
            "Booked as PLEO-2026-000001: no receipt: why.",
            Standing::BookedAs("PLEO-2026-000001".into()),
            "no receipt: why.",
        ),
        (
            "May be booked: look for it.",
            Standing::MayBeBooked,
            "look for it.",
        ),
        (
            "Booked as 7: the expense was changed in Pleo after it was booked: its date.",
            Standing::Changed("7".into()),
            "the expense was changed in Pleo after it was booked: its date.",
        ),
    ];
    let (_folder, path, mut checkpoint) = new_checkpoint();
    let ids: Vec<_> = (0..texts.len()).map(|at| entry(&at.to_string())).collect();
    checkpoint.claim_job(&job("job-1", 1), now()).unwrap();
    let page: Vec<_> = ids
        .iter()
        .map(|id| listed(id.as_str(), ItemStatus::Pending))
        .collect();
    checkpoint.store_control_page(&job_id(), &page, now()).unwrap();
    let verdicts: Vec<_> = ids
        .iter()
        .map(|id| (id.clone(), failed(ItemFailureType::AccountUnknown, "unknown")))
        .collect();
    checkpoint.decide(&job_id(), &verdicts, now()).unwrap();
    drop(checkpoint);
    // As version 3 left it.
    let raw = raw(&path);
    raw.execute_batch("ALTER TABLE item DROP COLUMN booked_as; ALTER TABLE item DROP COLUMN standing; PRAGMA user_version = 3")
        .unwrap();
    for (id, (text, ..)) in ids.iter().zip(&texts) {
        raw.execute(
            "UPDATE item SET reason = ?2 WHERE entry_id = ?1",
            (id.as_str(), text),
        )
        .unwrap();
    }
    drop(raw);
    let is_read = |checkpoint: &Checkpoint| {
        let failures = checkpoint.failures(&job_id()).unwrap();
        assert_eq!(failures.len(), texts.len());
        for ((_, failure), (text, standing, reason)) in failures.iter().zip(&texts) {
            assert_eq!(
                (failure.standing(), failure.reason(), &*failure.text()),
                (standing, *reason, *text)
            );
        }
    };
    // A reader changes nothing.
    is_read(&Checkpoint::open_read_only(&path).unwrap().unwrap());
    is_read(&Checkpoint::open(&path, &owner()).unwrap());
    is_read(&Checkpoint::open(&path, &owner()).unwrap());
}
