//! The proof proven: with a deliberate bug switched on, the kill matrix finds what the bug does. A small job is
//! enough, and the matrix ends with the first finding.

use crate::job::Job;
use crate::kill_matrix::KillMatrix;
use crate::proof::Kind;
use crate::tell;

/// Runs the matrix with a bug and expects a finding of this kind, whose text says this.
#[track_caller]
fn is_caught(mutation: &'static str, kind: Kind, says: &str) {
    let outcome = KillMatrix::of(Job::of(8, 8)).with_bug(mutation).run();
    let found = outcome
        .findings
        .iter()
        .find(|(_, finding)| finding.kind == kind && finding.text.contains(says));
    let (moment, finding) =
        found.unwrap_or_else(|| panic!("`{mutation}` is not caught as meant: {:#?}", outcome.findings));
    // A program that does not even run shows findings of every kind.
    assert!(
        outcome.points() > 0,
        "`{mutation}` keeps the program from running"
    );
    tell(&format!(
        "mutation {mutation}: caught at {moment:?}, {kind:?}: {}",
        finding.text
    ));
}

#[test]
fn booking_before_the_intent_is_caught_at_the_moment_of_death() {
    is_caught(
        "book-before-intent",
        Kind::NoIntent,
        "and `loaded` in the checkpoint",
    );
}

#[test]
fn booking_without_a_look_up_is_caught_as_a_duplicate() {
    is_caught("skip-look-up", Kind::Duplicate, "is booked 2 times");
}

#[test]
fn a_verdict_marked_as_sent_before_the_answer_is_caught_as_a_loss() {
    is_caught("sent-before-answer", Kind::Loss, "has no verdict: InProgress");
}

#[test]
fn attaching_after_the_verdict_is_caught_as_a_lost_receipt() {
    is_caught("attach-after-verdict", Kind::Loss, "has receipts of []");
}

#[test]
fn taking_a_lost_answer_for_a_failure_is_caught_as_a_false_verdict() {
    is_caught(
        "lose-answer,lost-answer-is-failure",
        Kind::FalseVerdict,
        "is told as failed and booked as",
    );
}

#[test]
fn an_answer_of_the_books_that_gets_lost_does_no_harm() {
    let outcome = KillMatrix::of(Job::of(8, 8)).with_bug("lose-answer").run();
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
}
