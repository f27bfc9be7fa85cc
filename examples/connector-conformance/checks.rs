//! What a connector must do, one function each. The order matters: later checks use what earlier ones booked.

use std::collections::BTreeSet;
use std::process::{Command as Shell, Stdio};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use pleo_export::host::stop::Stop;
use pleo_export::model::document::PlannedItem;
use pleo_export::model::references::{AccountKey, Resolution};
use pleo_export::model::verdict::ItemFailureType;
use pleo_export::systems::command::{Command, Settings};
use pleo_export::systems::{AccountingSystem, BookedEntry, Create, Found, SystemError};

use crate::sample::{self, Accounts};

/// How a check ended, when it did not fail.
pub(crate) enum Outcome {
    Passed,
    Skipped(&'static str),
}

type Check = fn(&mut Bench) -> Result<Outcome, String>;

/// Every check, in order.
pub(crate) const ALL: [(&str, Check); 10] = [
    ("readiness", readiness),
    ("accounts", accounts),
    ("look-up of what is not there", look_up_of_nothing),
    ("booking and look-up", booking),
    ("same key twice", same_key_twice),
    ("look-up after a restart", look_up_after_restart),
    ("unknown account", unknown_account),
    ("closed period", closed_period),
    ("receipts twice", receipts_twice),
    ("kill in mid-booking", kill_in_mid_booking),
];

/// At how many moments of a booking the connector is killed.
const KILLS: u32 = 12;

/// A code that no books have.
const UNKNOWN: &str = "conformance-no-such-account";

/// The connector, and what was done to it.
pub(crate) struct Bench {
    settings: Settings,
    accounts: Accounts,
    day: NaiveDate,
    job_id: String,
    system: Command,
    resolution: Resolution,
    first: Option<(PlannedItem, BookedEntry)>,
    /// How long an undisturbed booking takes.
    usual: Duration,
    /// Entries that must be in the books, and those that may be.
    booked: BTreeSet<String>,
    in_doubt: BTreeSet<String>,
}

impl Bench {
    pub(crate) fn start(settings: Settings, accounts: Accounts, day: NaiveDate) -> Result<Self, SystemError> {
        Ok(Self {
            system: Command::start(settings.clone(), Stop::new())?,
            settings,
            accounts,
            day,
            job_id: sample::new_id(),
            resolution: Resolution::default(),
            first: None,
            usual: Duration::ZERO,
            booked: BTreeSet::new(),
            in_doubt: BTreeSet::new(),
        })
    }

    /// What the connector says of itself.
    pub(crate) fn introduction(&self) -> String {
        let it = self.system.describe();
        let create = match it.create {
            Create::Unique => "unique",
            Create::Exclusive => "exclusive",
            Create::Search => "search",
        };
        format!("{} ({}), create: {create}", it.name, it.target)
    }

    /// What only a look into the books can prove.
    pub(crate) fn to_count(&self) -> String {
        let booked = self.booked.len();
        let in_doubt = match self.in_doubt.len() {
            0 => String::new(),
            some => format!(", and may hold {some} more"),
        };
        format!(
            "Now count: of job {} the books must hold {booked} entries{in_doubt}, each once.",
            self.job_id
        )
    }

    fn item_on(&self, day: NaiveDate) -> Result<PlannedItem, String> {
        sample::purchase(
            &sample::new_id(),
            &self.job_id,
            day,
            &self.accounts,
            &self.resolution,
        )
    }

    fn book(&mut self, item: &PlannedItem) -> Result<BookedEntry, SystemError> {
        let answers = self.system.book(std::slice::from_ref(item))?;
        let no_answer = SystemError::Unknown {
            reason: "no answer".to_owned(),
        };
        answers.into_iter().next().unwrap_or(Err(no_answer))
    }

    fn find(&mut self, item: &PlannedItem) -> Result<Found, String> {
        let wanted = [sample::wanted(item)];
        let found = match self.system.find(&wanted) {
            // The one that was just killed may have been asked; the next is a new one.
            Err(SystemError::Unavailable { .. }) => self.system.find(&wanted),
            answer => answer,
        };
        let found = found.map_err(told)?;
        found.into_iter().next().ok_or_else(|| "no answer".to_owned())
    }

    fn first(&self) -> Result<(PlannedItem, BookedEntry), String> {
        self.first
            .clone()
            .ok_or_else(|| "nothing could be booked before".to_owned())
    }

    fn must_be_absent(&mut self, item: &PlannedItem) -> Result<(), String> {
        match self.find(item)? {
            Found::Absent { .. } => Ok(()),
            other => Err(format!(
                "nothing of it may be in the books, but there is {other:?}"
            )),
        }
    }

    /// Books what must be refused.
    fn must_be_rejected(&mut self, item: &PlannedItem) -> Result<Option<ItemFailureType>, String> {
        match self.book(item) {
            Err(SystemError::Rejected { failure_type, .. }) => {
                self.must_be_absent(item)?;
                Ok(Some(failure_type))
            }
            Ok(booked) => {
                self.booked.insert(item.entry_id().to_string());
                Err(format!("it was booked as {}", booked.external_id))
            }
            Err(error) => Err(format!("the answer must be `rejected`, not: {error}")),
        }
    }

    fn must_be_complete(&mut self, item: &PlannedItem, booked: &BookedEntry) -> Result<(), String> {
        match self.find(item)? {
            Found::Complete(found) if found.external_id == booked.external_id => {
                self.booked.insert(item.entry_id().to_string());
                Ok(())
            }
            other => Err(format!(
                "it was booked as {}, but the look-up says {other:?}",
                booked.external_id
            )),
        }
    }
}

fn readiness(bench: &mut Bench) -> Result<Outcome, String> {
    let attachments = bench.system.describe().attachments.is_some();
    let job = sample::job(&bench.job_id, attachments);
    bench.system.check(&job).map_err(told)?;
    Ok(Outcome::Passed)
}

fn accounts(bench: &mut Bench) -> Result<Outcome, String> {
    bench.resolution = sample::resolved(&mut bench.system, &bench.accounts)?;
    for code in [&bench.accounts.cost, &bench.accounts.wallet] {
        if !bench
            .resolution
            .accounts
            .contains_key(&AccountKey::Pleo(code.clone()))
        {
            return Err(format!(
                "account {code} is not in the books: name others by --account and --wallet"
            ));
        }
    }
    let nowhere = Accounts {
        cost: UNKNOWN.to_owned(),
        wallet: UNKNOWN.to_owned(),
    };
    if !sample::resolved(&mut bench.system, &nowhere)?.accounts.is_empty() {
        return Err(format!("it has an account {UNKNOWN}"));
    }
    Ok(Outcome::Passed)
}

fn look_up_of_nothing(bench: &mut Bench) -> Result<Outcome, String> {
    let item = bench.item_on(bench.day)?;
    match bench.find(&item)? {
        Found::Absent { next_revision: 1 } => Ok(Outcome::Passed),
        other => Err(format!(
            "the answer must be absent with next_revision 1, not {other:?}"
        )),
    }
}

fn booking(bench: &mut Bench) -> Result<Outcome, String> {
    let item = bench.item_on(bench.day)?;
    let started = Instant::now();
    let booked = bench.book(&item).map_err(told)?;
    bench.usual = started.elapsed();
    bench.must_be_complete(&item, &booked)?;
    bench.first = Some((item.clone(), booked.clone()));
    if booked.posting_date != bench.day {
        return Err(format!(
            "it was booked on {} instead of {}",
            booked.posting_date, bench.day
        ));
    }
    if booked.content_hash.as_ref() != Some(&item.content_hash) {
        return Err("`content_hash` does not come back: a changed expense would go unnoticed".to_owned());
    }
    Ok(Outcome::Passed)
}

fn same_key_twice(bench: &mut Bench) -> Result<Outcome, String> {
    let (item, booked) = bench.first()?;
    let again = bench.book(&item).map_err(told)?;
    if again.external_id != booked.external_id {
        return Err(format!("it is {} and {}", booked.external_id, again.external_id));
    }
    bench.must_be_complete(&item, &booked)?;
    Ok(Outcome::Passed)
}

fn look_up_after_restart(bench: &mut Bench) -> Result<Outcome, String> {
    let (item, booked) = bench.first()?;
    let before = bench.system.describe();
    bench.system = Command::start(bench.settings.clone(), Stop::new()).map_err(told)?;
    if bench.system.describe() != before {
        return Err("it calls itself something else now".to_owned());
    }
    bench.must_be_complete(&item, &booked)?;
    Ok(Outcome::Passed)
}

fn unknown_account(bench: &mut Bench) -> Result<Outcome, String> {
    let mut item = bench.item_on(bench.day)?;
    let postings = item
        .documents
        .iter_mut()
        .flat_map(|document| &mut document.postings);
    // Only the last one, so that the first must not stay behind alone.
    if let Some(posting) = postings.last() {
        UNKNOWN.clone_into(&mut posting.account.reference);
    }
    match bench.must_be_rejected(&item)? {
        Some(ItemFailureType::AccountUnknown) => Ok(Outcome::Passed),
        other => Err(format!("its `type` must be account_unknown, not {other:?}")),
    }
}

fn closed_period(bench: &mut Bench) -> Result<Outcome, String> {
    let Some(closed) = bench.resolution.closed_until.all else {
        return Ok(Outcome::Skipped(
            "`resolve` names no closed day; `closed_until` under [bookkeeping] has to do it",
        ));
    };
    let item = bench.item_on(closed)?;
    bench.must_be_rejected(&item)?;
    Ok(Outcome::Passed)
}

fn receipts_twice(bench: &mut Bench) -> Result<Outcome, String> {
    if bench.system.describe().attachments.is_none() {
        return Ok(Outcome::Skipped("it takes none"));
    }
    let (item, booked) = bench.first()?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let attachment = sample::attachment(&item, &booked, folder.path()).map_err(|error| error.to_string())?;
    for _ in 0..2 {
        let answers = bench
            .system
            .attach(std::slice::from_ref(&attachment))
            .map_err(told)?;
        answers.into_iter().collect::<Result<(), _>>().map_err(told)?;
    }
    Ok(Outcome::Passed)
}

/// Kills it at several moments of a booking and asks what became of it.
fn kill_in_mid_booking(bench: &mut Bench) -> Result<Outcome, String> {
    bench.first()?;
    for moment in 0..KILLS {
        let item = bench.item_on(bench.day)?;
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
            let group = format!("kill -s KILL -- -{process}");
            let _ = Shell::new("/bin/sh")
                .args(["-c", &group])
                .stderr(Stdio::null())
                .status();
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
        Ok(booked) => return bench.must_be_complete(item, &booked),
        Err(SystemError::Unknown { .. }) => {}
        Err(other) => return Err(format!("the answer was {other:?}")),
    }
    let found = bench.find(item)?;
    if let Found::Complete(booked) = &found {
        bench.booked.insert(item.entry_id().to_string());
        let booked = booked.clone();
        return same_after_all(bench, item, &booked);
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
        _ => same_after_all(bench, item, &booked),
    }
}

fn same_after_all(bench: &mut Bench, item: &PlannedItem, booked: &BookedEntry) -> Result<(), String> {
    let again = bench.book(item).map_err(told)?;
    if again.external_id != booked.external_id {
        return Err(format!("it is {} and {}", booked.external_id, again.external_id));
    }
    bench.must_be_complete(item, booked)
}

fn told(error: SystemError) -> String {
    error.to_string()
}
