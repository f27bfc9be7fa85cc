//! Checks of the connector as a process: one that says too much, two at once, and one that is killed.

use std::sync::Barrier;
use std::time::Duration;

use pleo_export::host::process_group;
use pleo_export::host::stop::Stop;
use pleo_export::model::document::PlannedItem;
use pleo_export::systems::command::Command;
use pleo_export::systems::{AccountingSystem, BookedEntry, Found, SystemError};

use crate::bench::{Bench, book, no_answer, told};
use crate::checks::Outcome;

/// How long a line that nobody asked for may take to arrive.
const AFTERTHOUGHT: Duration = Duration::from_millis(200);

/// How many keys two processes are asked to book at once: that they meet is a matter of luck.
const MEETINGS: usize = 5;

/// At how many moments of a booking the connector is killed.
const KILLS: u32 = 12;

type Question = fn(&mut Bench) -> Result<(), String>;

/// What is asked to hear whether a second line follows.
const QUESTIONS: [(&str, Question); 6] = [
    ("hello", |bench| bench.another().map(|other| bench.system = other)),
    ("check", |bench| bench.check().map_err(told)),
    ("resolve", |bench| {
        bench
            .resolve(&crate::sample::references(&bench.accounts))
            .map(drop)
    }),
    ("find", |bench| {
        bench.item().and_then(|item| bench.find(&item)).map(drop)
    }),
    ("book", |bench| {
        bench
            .first()
            .and_then(|(item, _)| bench.book(&item).map_err(told))
            .map(drop)
    }),
    ("attach", |bench| match bench.system.describe().attachments {
        Some(_) => bench.attach(),
        None => Ok(()),
    }),
];

/// A connector that says more than it was asked is started again before the next question, which this notices.
pub(crate) fn one_line_for_each_question(bench: &mut Bench) -> Result<Outcome, String> {
    for (verb, ask) in QUESTIONS {
        ask(bench)?;
        let process = bench.system.process_id();
        let _ = Stop::new().wait(AFTERTHOUGHT);
        let next = bench.check();
        if next.is_err() || bench.system.process_id() != process {
            return Err(format!(
                "after its answer to `{verb}` it wrote another line to stdout, or ended: write one line for each \
                 question, and everything else to stderr"
            ));
        }
    }
    Ok(Outcome::Passed)
}

/// Two processes are asked for the same key at once: there must be one entry, whoever is asked.
pub(crate) fn two_at_once(bench: &mut Bench) -> Result<Outcome, String> {
    if !bench.system.describe().create.is_repeatable() {
        return Ok(Outcome::Skipped(
            "it declares `search`, so two must never be started",
        ));
    }
    bench.first()?;
    for _ in 0..MEETINGS {
        let item = bench.item()?;
        // New ones each time, as they may hold a lock to their end.
        let mut pair = [bench.another()?, bench.another()?];
        let mut answers = at_once(&mut pair, &item);
        answers.extend(pair.iter_mut().map(|one| book(one, &item)));
        drop(pair);
        answers.push(bench.book(&item));
        must_be_one(answers)?;
    }
    Ok(Outcome::Passed)
}

fn at_once(pair: &mut [Command; 2], item: &PlannedItem) -> Vec<Result<BookedEntry, SystemError>> {
    let ready = Barrier::new(pair.len());
    let ask = |one| {
        ready.wait();
        book(one, item)
    };
    std::thread::scope(|scope| {
        let asked = pair.each_mut().map(|one| scope.spawn(|| ask(one)));
        let answer = asked.map(|one| one.join().unwrap_or_else(|_| Err(no_answer())));
        answer.into()
    })
}

/// The last answer must be good; before it the books may have been locked by the other.
fn must_be_one(answers: Vec<Result<BookedEntry, SystemError>>) -> Result<(), String> {
    let asked = answers.len();
    let mut known: Option<String> = None;
    for (number, answer) in answers.into_iter().enumerate() {
        let external_id = match answer {
            Ok(booked) => booked.external_id,
            Err(SystemError::Unavailable { .. }) if number + 1 < asked => continue,
            Err(error) => return Err(error.to_string()),
        };
        let before = known.get_or_insert_with(|| external_id.clone());
        if *before != external_id {
            return Err(format!(
                "the same key was booked as {before} and as {external_id}: have the accounting system refuse the \
                 second, lock the books from the look-up to the write, or declare `search`"
            ));
        }
    }
    Ok(())
}

/// Kills it at several moments of a booking and asks what became of it.
pub(crate) fn kill_in_mid_booking(bench: &mut Bench) -> Result<Outcome, String> {
    bench.first()?;
    for moment in 0..KILLS {
        let item = bench.item()?;
        let delay = bench.usual * moment / (KILLS - 2);
        // A look-up first, so that it surely runs.
        bench.must_be_absent(&item)?;
        let answer = book_and_kill(bench, &item, delay)?;
        after_kill(bench, &item, answer)
            .map_err(|what| format!("killed {} µs after the question: {what}", delay.as_micros()))?;
    }
    Ok(Outcome::Passed)
}

fn book_and_kill(
    bench: &mut Bench,
    item: &PlannedItem,
    delay: Duration,
) -> Result<Result<BookedEntry, SystemError>, String> {
    let process = bench.system.process_id().ok_or("it does not run")?;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = Stop::new().wait(delay);
            process_group::kill(process);
        });
        Ok(bench.book(item))
    })
}

fn after_kill(
    bench: &mut Bench,
    item: &PlannedItem,
    answer: Result<BookedEntry, SystemError>,
) -> Result<(), String> {
    match answer {
        Ok(booked) => return bench.must_be_complete(item, &booked).map(drop),
        Err(SystemError::Unknown { .. }) => {}
        Err(other) => return Err(format!("the answer was: {other}")),
    }
    let found = bench.find(item)?;
    if let Found::Complete(booked) = &found {
        return bench.must_stay_the_same(item, booked).map(drop);
    }
    if !bench.system.describe().create.is_repeatable() {
        // Nobody would book it again, and a write may still be on its way.
        bench.in_doubt.insert(item.entry_id().to_string());
        return Ok(());
    }
    let booked = bench.book(item).map_err(told)?;
    match found {
        Found::Incomplete(part) if part.external_id != booked.external_id => Err(format!(
            "{} was there in part and {} was booked beside it",
            part.external_id, booked.external_id
        )),
        _ => bench.must_stay_the_same(item, &booked).map(drop),
    }
}
