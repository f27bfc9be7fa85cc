//! Every combination of what the three sides can say.

use super::*;
use crate::model::money::{Amount, Money};
use crate::model::verdict::{Exported, Failure, ItemFailureType};
use crate::systems::unready::Unready;
use crate::systems::{AccountingSystem, SystemError};

fn money(hundredths: i64) -> Money {
    Money {
        amount: Amount::hundredths(hundredths),
        currency: "DKK".parse().unwrap(),
    }
}

fn booked() -> BookedEntry {
    BookedEntry {
        external_id: "PLEO-2026-000001".to_owned(),
        external_url: None,
        posting_date: "2026-05-10".parse().unwrap(),
        revision: 1,
        parts: Vec::new(),
        content_hash: None,
        amount: None,
        remark: None,
        wallet_account: None,
    }
}

fn recorded(verdict: Option<Verdict>, is_accepted: bool) -> Recorded {
    Recorded {
        verdict,
        is_accepted,
        about: Some(About {
            supplier: Some("Shop".to_owned()),
            date: "2026-05-09T22:30:00Z".parse().ok(),
            amount: money(10_000),
        }),
        exported: None,
    }
}

fn successful() -> Verdict {
    Verdict::Successful(Exported {
        external_id: "PLEO-2026-000001".to_owned(),
        external_url: None,
        exported_at: "2026-05-10T10:00:00Z".parse().unwrap(),
    })
}

fn compared(pleo: InPleo, recorded: Option<&Recorded>, found: &Found, inspected: &Inspected) -> Vec<String> {
    let (mut differences, not_reported) = compare(&Facts {
        job: &JobId::new("job-1"),
        entry_id: &AccountingEntryId::new("entry-1"),
        system: &Unready::new(SystemError::Unknown {
            reason: String::new(),
        })
        .describe(),
        zone: chrono_tz::Europe::Copenhagen,
        pleo,
        recorded,
        found,
        inspected,
        hash_problem: None,
        is_changed_in_pleo: false,
    });
    differences.extend(not_reported);
    assert!(
        differences
            .iter()
            .all(|one| !one.remedy.is_empty() && !one.message.is_empty())
    );
    let words = differences
        .iter()
        .map(|one| format!("{} {}", one.level.as_str(), one.kind.as_str()));
    words.collect()
}

#[test]
fn whatever_the_sides_say_of_being_booked() {
    let exported = || InPleo::Exported(Some("PLEO-2026-000001".to_owned()));
    let failed = |failure: Failure| Some(recorded(Some(Verdict::Failed(failure)), true));
    let refused = Failure::nothing_booked(ItemFailureType::VendorUnknown, "No.");
    let in_pleo = [
        exported(),
        InPleo::Exported(None),
        InPleo::Exported(Some("PLEO-2026-000009".to_owned())),
        InPleo::NotExported("failed"),
        InPleo::NotExported("abandoned"),
        InPleo::Open("poll"),
        InPleo::AtWork,
        InPleo::Unlisted,
    ];
    let in_checkpoint = [
        None,
        Some(recorded(None, false)),
        Some(recorded(Some(successful()), true)),
        Some(recorded(Some(successful()), false)),
        failed(refused),
        failed(Failure::may_be_booked(
            ItemFailureType::UnexpectedFailure,
            "Lost.",
        )),
        failed(Failure::changed_after_booking(
            "PLEO-2026-000001",
            "the amount",
            "reverse it",
        )),
    ];
    let in_books = [
        Found::Absent { next_revision: 1 },
        Found::Absent { next_revision: 2 },
        Found::Incomplete(booked()),
        Found::Complete(booked()),
        Found::Unclear {
            booked: booked(),
            reason: "taken back or paid back?".to_owned(),
        },
    ];
    for pleo in &in_pleo {
        for recorded in &in_checkpoint {
            let verdict = recorded.as_ref().and_then(|recorded| recorded.verdict.clone());
            let is_accepted = recorded.as_ref().is_some_and(|recorded| recorded.is_accepted);
            let says_booked = matches!(verdict, Some(Verdict::Successful(_))) && is_accepted;
            let is_changed =
                matches!(&verdict, Some(Verdict::Failed(failure)) if failure.is_changed_after_booking());
            for found in &in_books {
                let is_told = match pleo {
                    InPleo::Exported(_) => true,
                    InPleo::Unlisted => says_booked,
                    _ => false,
                };
                let is_over = !matches!(pleo, InPleo::Open(_) | InPleo::AtWork);
                let counts = matches!(found, Found::Complete(_) | Found::Incomplete(_));
                let is_other_number =
                    matches!(pleo, InPleo::Exported(Some(id)) if *id != booked().external_id);
                let expected: &[&str] = match (is_told, found) {
                    (true, Found::Absent { next_revision: 1 } | Found::Incomplete(_)) => {
                        &["difference not_booked"]
                    }
                    (true, Found::Absent { .. } | Found::Unclear { .. }) => &["remark not_booked"],
                    (true, Found::Complete(_)) if is_other_number => &["remark changed"],
                    (true, Found::Complete(_)) => &[],
                    (false, _) if !counts || *pleo == InPleo::AtWork => &[],
                    (false, _) if is_changed && is_over => &["difference changed"],
                    (false, _) => &["difference not_reported"],
                };
                let inspected = Inspected::default();
                let answer = compared(pleo.clone(), recorded.as_ref(), found, &inspected);
                assert_eq!(answer, expected, "{pleo:?} {recorded:?} {found:?}");
            }
        }
    }
}

#[test]
fn what_counts_is_held_against_what_was_booked() {
    let edited = [
        None,
        Some(Edited::Amount("other".to_owned())),
        Some(Edited::Otherwise("moved".to_owned())),
    ];
    let amounts = [
        vec![],
        vec![money(-10_000)],
        vec![money(1_000), money(10_000)],
        vec![money(9_000)],
    ];
    for edited in &edited {
        for fitting_amounts in &amounts {
            for booked_twice in [None, Some("a and b".to_owned())] {
                for receipts in [
                    None,
                    Some(vec![]),
                    Some(vec!["gone".to_owned(), "other".to_owned()]),
                ] {
                    for problem in [None, Some("is missing".to_owned())] {
                        let evidence = problem.map_or(Evidence::Whole, |problem| Evidence::Wrong {
                            file: "f".to_owned(),
                            problem,
                        });
                        let inspected = Inspected {
                            booked_twice: booked_twice.clone(),
                            edited: edited.clone(),
                            fitting_amounts: fitting_amounts.clone(),
                            receipts: receipts.clone(),
                            evidence: evidence.clone(),
                        };
                        let mut expected: Vec<&str> = Vec::new();
                        expected.extend(booked_twice.iter().map(|_| "difference booked_twice"));
                        let is_other = fitting_amounts == &[money(9_000)];
                        match edited {
                            Some(Edited::Amount(_)) => expected.push("difference changed"),
                            _ if is_other => expected.push("difference changed"),
                            Some(Edited::Otherwise(_)) => expected.push("remark changed"),
                            None => {}
                        }
                        expected.extend(receipts.iter().flatten().map(|_| "difference receipt_missing"));
                        if matches!(evidence, Evidence::Wrong { .. }) {
                            expected.push("difference evidence");
                        }
                        let told = InPleo::Exported(None);
                        let known = recorded(Some(successful()), true);
                        let found = Found::Complete(booked());
                        let answer = compared(told.clone(), Some(&known), &found, &inspected);
                        assert_eq!(answer, expected, "{inspected:?}");
                        let absent = Found::Absent { next_revision: 2 };
                        let answer = compared(told, Some(&known), &absent, &inspected);
                        assert_eq!(
                            answer,
                            ["remark not_booked"],
                            "what is reversed is held against nothing"
                        );
                    }
                }
            }
        }
    }
}
