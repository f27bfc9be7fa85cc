//! The proof proven: with a deliberate bug awake, the matrices find what it does. A small job is enough, and a matrix
//! ends once it has found that. `with_bugs`, beside this file, builds the program that has the bugs; without it these
//! tests say that they did not run.

use std::fmt::Debug;

use crate::job::Job;
use crate::kill_matrix::KillMatrix;
use crate::power_loss::{PowerLoss, strace_or_say_so};
use crate::proof::{Finding, Kind, Sought};
use crate::stop_matrix;
use crate::support::has_bugs_or_says_so;
use crate::tell;

/// Expects what is sought among the findings.
#[track_caller]
fn is_caught<Moment: Debug>(bug: &str, findings: &[(Moment, Finding)], sought: Sought) {
    let Some((moment, finding)) = findings.iter().find(|(_, finding)| finding.is(sought)) else {
        panic!("`{bug}` is not caught as meant: {findings:#?}");
    };
    tell(&format!(
        "deliberate bug {bug}: caught at {moment:?}, {:?}: {}",
        finding.kind, finding.text
    ));
}

#[track_caller]
fn is_caught_by_kills(bug: &'static str, sought: Sought) {
    if !has_bugs_or_says_so() {
        return;
    }
    let outcome = KillMatrix::of(Job::of(8, 8).with_bug(bug)).until(sought).run();
    // A program that does not even run shows findings of every kind.
    assert!(outcome.points() > 0, "`{bug}` keeps the program from running");
    is_caught(bug, &outcome.findings, sought);
}

#[track_caller]
fn is_caught_by_power_loss(bug: &'static str, sought: Sought) {
    if !has_bugs_or_says_so() {
        return;
    }
    let Some(strace) = strace_or_say_so(bug) else {
        return;
    };
    let outcome = PowerLoss::of(Job::of(14, 7).with_bug(bug))
        .until(sought)
        .run(&strace);
    is_caught(bug, &outcome.findings, sought);
}

#[track_caller]
fn is_caught_by_stops(bug: &'static str, sought: Sought) {
    if !has_bugs_or_says_so() {
        return;
    }
    let findings = stop_matrix::findings_until(sought, &Job::of(16, 8).with_bug(bug));
    is_caught(bug, &findings, sought);
}

#[test]
fn booking_before_the_intent_is_caught_at_the_moment_of_death() {
    is_caught_by_kills(
        "book-before-intent",
        (Kind::NoIntent, "and `loaded` in the checkpoint"),
    );
}

#[test]
fn booking_without_a_look_up_is_caught_as_a_duplicate() {
    is_caught_by_kills("skip-look-up", (Kind::Duplicate, "is booked 2 times"));
}

/// And when the job is closed nobody looks whether Pleo has the verdict: it would be sent again.
#[test]
fn a_verdict_marked_as_sent_before_the_answer_is_caught_as_a_loss() {
    is_caught_by_kills("sent-before-answer", (Kind::Loss, "has no verdict"));
}

#[test]
fn attaching_after_the_verdict_is_caught_as_a_lost_receipt() {
    is_caught_by_kills("attach-after-verdict", (Kind::Loss, "has receipts of []"));
}

#[test]
fn taking_a_lost_answer_for_a_failure_is_caught_as_a_false_verdict() {
    is_caught_by_kills(
        "lose-answer,lost-answer-is-failure",
        (Kind::FalseVerdict, "is told as failed and booked as"),
    );
}

/// No bug but bad luck. It shows too that the program with bugs is as good as the true one while they sleep.
#[test]
fn an_answer_of_the_books_that_gets_lost_does_no_harm() {
    if !has_bugs_or_says_so() {
        return;
    }
    let outcome = KillMatrix::of(Job::of(8, 8).with_bug("lose-answer")).run();
    assert!(
        outcome.points() > 0 && outcome.findings.is_empty(),
        "{:#?}",
        outcome.findings
    );
}

#[test]
fn leaving_out_the_sync_of_files_is_caught() {
    is_caught_by_power_loss("no-fsync-file", (Kind::Loss, ""));
}

#[test]
fn leaving_out_the_sync_of_folders_is_caught() {
    is_caught_by_power_loss("no-fsync-folder", (Kind::Loss, ""));
}

#[test]
fn leaving_out_the_sync_of_the_checkpoint_is_caught() {
    is_caught_by_power_loss("no-fsync-checkpoint", (Kind::NoIntent, ""));
}

#[test]
fn writing_without_a_permit_is_caught_as_steps_back() {
    is_caught_by_stops("permit-not-asked", (Kind::Disorder, " after it was "));
}

#[test]
fn a_permit_that_does_not_compare_the_items_is_caught_as_steps_back() {
    is_caught_by_stops("only-status-is-read", (Kind::Disorder, " after it was "));
}
