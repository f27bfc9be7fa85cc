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
        checkpoint = open(&path, &owner()).unwrap();
        assert_eq!(checkpoint.given_numbers().unwrap(), expected);
    }
}

#[test]
fn an_older_checkpoint_knows_the_numbers_that_pleo_was_told() {
    let (_folder, path) = of_version(1);
    for (id, number) in [
        ("a", "PLEO-2026-000012"),
        ("b", "PLEO-2026-000003"),
        ("c", "BILL/2026/06/0001"),
    ] {
        let sql = "INSERT INTO item (job_id, entry_id, state, report, pleo_status, outcome, external_id, exported_at) \
                   VALUES ('job-1', ?1, 'settled', 'accepted', 'pending', 'successful', ?2, '2026-11-22T10:00:00.000Z')";
        raw(&path).execute(sql, [id, number]).unwrap();
    }
    let checkpoint = open(&path, &owner()).unwrap();
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
    checkpoint
        .decide(&job_id(), &verdicts, &[].into(), now())
        .unwrap();
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
    let (_folder, path) = of_version(3);
    for (at, (text, ..)) in texts.iter().enumerate() {
        let sql = "INSERT INTO item (job_id, entry_id, state, report, pleo_status, outcome, failure_type, reason) \
                   VALUES ('job-1', ?1, 'declined', 'unsent', 'pending', 'failed', 'account_unknown', ?2)";
        raw(&path).execute(sql, (at.to_string(), text)).unwrap();
    }
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
    is_read(&open(&path, &owner()).unwrap());
    is_read(&open(&path, &owner()).unwrap());
}
