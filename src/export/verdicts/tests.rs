use super::*;
use crate::model::verdict::{JobFailureType, Standing};

fn booked() -> BookedEntry {
    BookedEntry {
        external_id: "X".to_owned(),
        external_url: None,
        posting_date: chrono::NaiveDate::default(),
        revision: 1,
        parts: Vec::new(),
        content_hash: None,
        amount: None,
        remark: None,
        wallet_account: None,
    }
}

fn refusal(failure_type: ItemFailureType) -> Refusal {
    Refusal {
        failure_type,
        reason: "May be booked: refused.".to_owned(),
        group: String::new(),
    }
}

const PLANNED: Known<'static> = Known {
    plan: Plan::Stands,
    is_readable: true,
    is_announced: false,
    is_held: false,
    create: Create::Search,
};

/// What follows, in a word or two.
fn said(next: &Next) -> &'static str {
    match next {
        Next::Decided(Verdict::Successful(_)) => "successful",
        Next::Decided(Verdict::Failed(failure)) => failure.standing().as_str(),
        Next::Attach(_) => "attach",
        Next::Book { partly: None, .. } => "book",
        Next::Book { partly: Some(_), .. } => "complete",
        Next::Wait(Why::NotBooked) => "wait: not booked",
        Next::Wait(Why::Receipts) => "wait: receipts",
        Next::Wait(Why::Unproven | Why::Late) => "wait",
        Next::Unproven { partly: None } => "unproven",
        Next::Unproven { partly: Some(_) } => "unproven rest",
        Next::Halt(_) => "halt",
    }
}

#[test]
fn what_a_look_up_means() {
    let unplannable = refusal(ItemFailureType::ValidationFailure);
    let receipt = refusal(ItemFailureType::ReceiptDownloadFailure);
    let announced = Known {
        is_announced: true,
        ..PLANNED
    };
    let repeatable = Known {
        create: Create::Unique,
        ..announced
    };
    let held = Known {
        is_held: true,
        ..PLANNED
    };
    let refused = Known {
        plan: Plan::Refused(&unplannable),
        ..PLANNED
    };
    let refused_for_now = Known {
        plan: Plan::Open(&unplannable),
        ..PLANNED
    };
    let refused_later = Known {
        is_announced: true,
        ..refused
    };
    let refused_later_unique = Known {
        create: Create::Unique,
        ..refused_later
    };
    let refused_later_exclusive = Known {
        create: Create::Exclusive,
        ..refused_later
    };
    let without_receipt = Known {
        plan: Plan::Refused(&receipt),
        ..PLANNED
    };
    let unreadable = Known {
        is_readable: false,
        ..refused
    };
    let unread = Known {
        is_readable: false,
        ..PLANNED
    };
    // Of an item that is …, what follows where the books have: nothing, a part, all.
    for (item, known, [absent, in_part, complete]) in [
        ("planned", PLANNED, ["book", "complete", "attach"]),
        (
            "announced, search",
            announced,
            ["unproven", "unproven rest", "attach"],
        ),
        ("announced, unique", repeatable, ["book", "complete", "attach"]),
        ("held", held, ["wait: not booked", "wait: not booked", "attach"]),
        ("refused", refused, ["nothing_booked", "booked_as", "attach"]),
        ("refused for now", refused_for_now, ["book", "complete", "attach"]),
        (
            "announced, refused since",
            refused_later,
            ["unproven", "booked_as", "attach"],
        ),
        (
            "announced, refused since, unique",
            refused_later_unique,
            ["unproven", "booked_as", "attach"],
        ),
        (
            "announced, refused since, exclusive",
            refused_later_exclusive,
            ["nothing_booked", "booked_as", "attach"],
        ),
        (
            "without its receipt",
            without_receipt,
            ["nothing_booked", "booked_as", "booked_as"],
        ),
        (
            "unreadable",
            unreadable,
            ["nothing_booked", "booked_as", "booked_as"],
        ),
        ("given up unread", unread, ["book", "complete", "booked_as"]),
    ] {
        let next = |found| said(&after_look_up(found, known));
        assert_eq!(next(Found::Absent { next_revision: 1 }), absent, "{item}");
        assert_eq!(next(Found::Incomplete(booked())), in_part, "{item}");
        assert_eq!(next(Found::Complete(booked())), complete, "{item}");
        let unclear = Found::Unclear {
            booked: booked(),
            reason: String::new(),
        };
        assert_eq!(next(unclear), "booked_as", "{item}");
    }
}

#[test]
fn the_last_look_decides_what_is_unproven_and_nothing_else() {
    assert_eq!(
        said(&at_the_end(Next::Unproven { partly: None })),
        "may_be_booked"
    );
    assert_eq!(
        said(&at_the_end(Next::Unproven {
            partly: Some(booked())
        })),
        "booked_as"
    );
    assert_eq!(said(&at_the_end(Next::Attach(booked()))), "attach");
}

#[test]
fn what_is_said_where_the_job_is_given_up() {
    let failure = JobFailure {
        failure_type: JobFailureType::AccountingSystemUnreachable,
        reason: "Gone.".to_owned(),
    };
    let standing = |next, is_whole| {
        said(&Next::Decided(given_up(
            next,
            is_whole,
            &failure,
            DateTime::default(),
        )))
    };
    let book = |partly| Next::Book { revision: 1, partly };
    assert_eq!(standing(Next::Attach(booked()), true), "successful");
    assert_eq!(standing(Next::Attach(booked()), false), "booked_as");
    assert_eq!(standing(book(None), true), "nothing_booked");
    assert_eq!(standing(book(Some(booked())), true), "booked_as");
    assert_eq!(standing(Next::Unproven { partly: None }, true), "may_be_booked");
    assert_eq!(
        standing(
            Next::Unproven {
                partly: Some(booked())
            },
            true
        ),
        "booked_as"
    );
    assert_eq!(said(&Next::Decided(unasked(false, &failure))), "may_be_booked");
    assert_eq!(said(&Next::Decided(unasked(true, &failure))), "nothing_booked");
}

#[test]
fn what_an_answer_means() {
    let reason = || "Booked as Y: why.".to_owned();
    let failure_type = ItemFailureType::AccountUnknown;
    let rejected = SystemError::Rejected {
        failure_type,
        reason: reason(),
    };
    let wrong = SystemError::BookedWrong {
        booked: Box::new(booked()),
        failure_type,
        reason: reason(),
    };
    let fatal = SystemError::Fatal {
        failure_type: JobFailureType::AuthorizationFailure,
        reason: reason(),
    };
    let [now, later] = ["wait: not booked", "wait: receipts"];
    // The answer; what follows where nothing was there, where a part was, and where it was about receipts.
    for (error, booking, completing, attaching) in [
        (rejected.clone(), "nothing_booked", "booked_as", "booked_as"),
        (wrong, "booked_as", "booked_as", "booked_as"),
        (SystemError::Unavailable { reason: reason() }, now, now, later),
        (
            SystemError::Unknown { reason: reason() },
            "unproven",
            "unproven rest",
            later,
        ),
        (fatal, "halt", "halt", "halt"),
        (SystemError::Damaged { reason: reason() }, "halt", "halt", "halt"),
        (SystemError::Settings { reason: reason() }, "halt", "halt", "halt"),
    ] {
        assert_eq!(
            said(&after_booking(None, false, Err(error.clone()))),
            booking,
            "{error:?}"
        );
        assert_eq!(
            said(&after_booking(Some(booked()), false, Err(error.clone()))),
            completing,
            "{error:?}"
        );
        let attached = after_attaching(&booked(), Err(error.clone()), DateTime::default());
        assert_eq!(said(&attached), attaching, "{error:?}");
    }
    assert_eq!(said(&after_booking(None, false, Ok(booked()))), "attach");
    assert_eq!(
        said(&after_attaching(&booked(), Ok(()), DateTime::default())),
        "successful"
    );
    let landing = after_booking(None, true, Err(rejected.clone()));
    assert_eq!(said(&landing), "may_be_booked");
    let landing = after_booking(Some(booked()), true, Err(rejected.clone()));
    assert_eq!(said(&landing), "booked_as");
    let Next::Decided(Verdict::Failed(failure)) = after_booking(None, false, Err(rejected)) else {
        panic!("it has a verdict")
    };
    assert_eq!(
        failure.standing(),
        &Standing::NothingBooked,
        "whatever the text says"
    );
}
