//! The table proven: with a deliberate bug awake, a row comes out wrong. `tests/promise/with_bugs` builds the program that
//! has the bugs; without it these tests say that they did not run.

use super::{Case, Create, Kind, Verb};
use crate::support::{World, has_bugs_or_says_so};

/// Expects that one of the rows comes out like this, which is wrong.
#[track_caller]
fn is_caught(bug: &str, is_row: impl Fn(&Case) -> bool, says: &str) {
    if !has_bugs_or_says_so() {
        return;
    }
    let rows = Case::all().into_iter().filter(is_row);
    let wrong: Vec<String> = rows
        .filter_map(|row| row.happens_in(World::new().with_bug(bug)).err())
        .collect();
    assert!(
        wrong.iter().any(|outcome| outcome.contains(says)),
        "`{bug}` is not caught as meant: {wrong:#?}"
    );
    println!(
        "deliberate bug {bug}: caught, {} rows come out wrong",
        wrong.len()
    );
}

#[test]
fn claiming_that_nothing_was_booked_where_it_may_be_is_caught() {
    is_caught(
        "may-be-booked-is-nothing-booked",
        |row| row.verb == Verb::Book && row.kind == Kind::Unknown && row.create == Create::Search,
        "verdict: NothingBooked",
    );
}

#[test]
fn a_last_look_that_forgets_receipts_is_caught() {
    is_caught(
        "last-look-forgets-receipts",
        |row| row.verb == Verb::Book && row.kind == Kind::Landed && row.create == Create::Search,
        "verdict: Successful, event: Some(Completed), exit: 0, attached: 0",
    );
}
