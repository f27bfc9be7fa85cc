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
