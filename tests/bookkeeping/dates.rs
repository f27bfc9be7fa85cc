//! Posting dates: the books' calendar, closed periods and what is done about them.

use pleo_export::bookkeeping::ClosedPeriods;
use pleo_export::model::document::PlannedItem;

use crate::bookkeeping::items::{day, item};
use crate::bookkeeping::world::{World, world};

fn dates(planned: &PlannedItem) -> Vec<(String, String)> {
    planned
        .documents
        .iter()
        .map(|document| (document.item_date.to_string(), document.posting_date.to_string()))
        .collect()
}

fn in_zone(zone: &str, time: &str) -> String {
    let mut world = world();
    world.settings.time_zone = zone.parse().unwrap();
    let planned = world.plan(&item("wallet_topup", "1.00").on(time)).unwrap();
    planned.documents[0].posting_date.to_string()
}

#[test]
fn the_day_is_that_of_the_books_time_zone() {
    for (zone, time, expected) in [
        ("UTC", "2026-03-31T23:30:00Z", "2026-03-31"),
        ("Europe/Copenhagen", "2026-03-31T23:30:00Z", "2026-04-01"),
        ("Europe/Copenhagen", "2026-03-31T21:59:59Z", "2026-03-31"),
        ("Europe/Copenhagen", "2026-12-31T23:00:00Z", "2027-01-01"),
        ("America/New_York", "2026-04-01T03:59:59Z", "2026-03-31"),
        ("Pacific/Kiritimati", "2026-03-31T10:00:00Z", "2026-04-01"),
    ] {
        assert_eq!(in_zone(zone, time), expected, "{zone} {time}");
    }
}

#[test]
fn invoice_dates_are_never_shifted() {
    let mut world = world();
    world.settings.time_zone = "America/New_York".parse().unwrap();
    let planned = world
        .plan(
            &item("invoice", "1.00")
                .payable()
                .invoice("A-1")
                .line("6800 M", "1.00"),
        )
        .unwrap();
    assert_eq!(planned.documents[0].invoice_date, Some(day("2026-03-01")));
}

fn closed(until: &str, policy: ClosedPeriods) -> World {
    let mut world = world();
    world.settings.closed_until = Some(day(until));
    world.settings.closed_periods = policy;
    world
}

#[test]
fn a_closed_period_is_left_by_policy() {
    let topup = item("wallet_topup", "1.00");
    let moved = |policy| dates(&closed("2026-03-31", policy).plan(&topup).unwrap());
    assert!(closed("2026-03-31", ClosedPeriods::Fail).plan(&topup).is_err());
    assert_eq!(
        moved(ClosedPeriods::NextOpen),
        [("2026-03-15".to_owned(), "2026-04-01".to_owned())]
    );
    assert_eq!(
        moved(ClosedPeriods::Today),
        [("2026-03-15".to_owned(), "2026-05-10".to_owned())]
    );
    // The last closed day is closed, the day after it is open.
    assert!(closed("2026-03-15", ClosedPeriods::Fail).plan(&topup).is_err());
    let open = closed("2026-03-14", ClosedPeriods::Today).plan(&topup).unwrap();
    assert_eq!(dates(&open), [("2026-03-15".to_owned(), "2026-03-15".to_owned())]);
}

#[test]
fn today_may_be_closed_too() {
    let refusal = closed("2026-05-10", ClosedPeriods::Today)
        .plan(&item("wallet_topup", "1.00"))
        .unwrap_err();
    assert!(
        refusal.reason.contains("includes today (2026-05-10)"),
        "{}",
        refusal.reason
    );
}

#[test]
fn the_latest_of_all_closings_counts() {
    let mut world = closed("2026-03-10", ClosedPeriods::NextOpen);
    world.closed_all = Some(day("2026-03-20"));
    assert_eq!(
        world.plan(&item("wallet_topup", "1.00")).unwrap().documents[0].posting_date,
        day("2026-03-21")
    );
    world.closed_all = Some(day("2026-03-01"));
    assert_eq!(
        world.plan(&item("wallet_topup", "1.00")).unwrap().documents[0].posting_date,
        day("2026-03-15")
    );
}

#[test]
fn purchases_may_be_closed_for_longer_than_payments() {
    let mut world = closed("2026-01-31", ClosedPeriods::NextOpen);
    world.closed_purchases = Some(day("2026-03-31"));
    let card = item("card_purchase", "1.00").payable().line("6800 M", "1.00");
    let planned = world.plan(&card).unwrap();
    let posting_dates: Vec<_> = planned
        .documents
        .iter()
        .map(|document| document.posting_date)
        .collect();
    assert_eq!(posting_dates, [day("2026-04-01"), day("2026-03-15")]);
    // A journal entry is no purchase document.
    let journal = world
        .plan(
            &item("card_purchase", "1.00")
                .method("journal")
                .line("6800 M", "1.00"),
        )
        .unwrap();
    assert_eq!(journal.documents[0].posting_date, day("2026-03-15"));
    // One document that cannot be booked keeps the other one out as well.
    world.settings.closed_periods = ClosedPeriods::Fail;
    assert!(world.plan(&card).is_err());
}

#[test]
fn the_edge_of_the_calendar_is_refused_and_does_not_panic() {
    for (zone, time) in [
        ("Pacific/Kiritimati", chrono::DateTime::<chrono::Utc>::MAX_UTC),
        ("America/New_York", chrono::DateTime::<chrono::Utc>::MIN_UTC),
    ] {
        let mut world = world();
        world.settings.time_zone = zone.parse().unwrap();
        let mut item = item("wallet_topup", "1.00");
        item.0.date = time;
        assert!(world.plan(&item).is_err());
    }
}

#[test]
fn a_date_more_than_a_month_ahead_of_the_run_is_remarked() {
    // The run is of 10 May 2026.
    for (time, is_remarked) in [
        ("2026-05-10T12:00:00Z", false),
        ("2026-06-10T12:00:00Z", false),
        ("2026-06-11T12:00:00Z", true),
        ("2062-03-15T12:00:00Z", true),
        ("2006-03-15T12:00:00Z", false),
    ] {
        let planned = world().plan(&item("wallet_topup", "1.00").on(time)).unwrap();
        let day = time.get(..10).unwrap();
        let expected = format!(
            "the expense is dated {day}, more than a month after the day it was exported (2026-05-10)"
        );
        assert_eq!(
            planned.remarks.contains(&expected),
            is_remarked,
            "{:?}",
            planned.remarks
        );
        assert_eq!(
            dates(&planned),
            [(day.to_owned(), day.to_owned())],
            "it is booked all the same"
        );
    }
}
