//! Taking entries back: the mirror of every document, as it stands in the books today, in one new file.
//!
//! All that is asked for is planned before anything is written, and the file is there whole or not at all, so an entry
//! is never taken back by half. A mirror is marked with the number that it takes back, and a document that has one is
//! refused, so however often it is asked for there is one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use chrono::NaiveDate;
use tracing::warn;

use crate::host::clock;
use crate::host::files::{Action, FileError};
use crate::model::money::{Amount, Currency, Money};
use crate::model::reversal::{ReversalRequest, Reversed};
use crate::systems::{ReversalError, SystemError};

use super::books::Books;
use super::errors::unreadable;
use super::index::{Booked, Index, Reversal};
use super::lexer::Manner;
use super::lexer::{Lines, Token, Tokens};
use super::lock::Lock;
use super::number::Number;
use super::reader::{self, Directive, Kind, Posting, PostingAmount};
use super::vocabulary::key;
use super::writer::{self, MirrorPosting, MirrorText};

/// The documents of one entry to take back, each with its day.
struct Planned {
    documents: Vec<(Rc<Booked>, NaiveDate)>,
}

/// What keeps an entry from being taken back.
enum Obstacle {
    /// It was asked for in a way that cannot be.
    Unusable(String),
    /// A person must decide.
    NeedsPerson(String),
    /// The books cannot be read.
    Unread(SystemError),
}

impl From<SystemError> for Obstacle {
    fn from(error: SystemError) -> Self {
        Self::Unread(error)
    }
}

/// Takes entries back.
pub(super) fn reverse(
    lock: &Lock,
    books: &Books,
    index: &Index,
    highest: &mut BTreeMap<i32, u32>,
    request: &ReversalRequest,
) -> Result<Vec<Reversed>, ReversalError> {
    let mut planned: Vec<Planned> = Vec::new();
    let mut obstacles = Vec::new();
    let mut seen = BTreeSet::new();
    for number in &request.numbers {
        match plan(index, request, number) {
            // Bill and payment of one entry are taken back together, whichever of the two is named.
            Ok(entry)
                if let Some((first, _)) = entry.documents.first()
                    && !seen.insert(first.number) => {}
            Ok(entry) => planned.push(entry),
            Err(Obstacle::Unread(error)) => return Err(error.into()),
            Err(obstacle) => obstacles.push(obstacle),
        }
    }
    let mut sources = Sources::default();
    for (booked, _) in planned.iter().flat_map(|entry| &entry.documents) {
        sources.read(booked)?;
    }
    let mut mirrors = Mirrors {
        highest,
        taken: BTreeMap::new(),
        text: String::new(),
        first: None,
    };
    let mut reversed = Vec::new();
    for entry in &planned {
        match mirrors.add(entry, &sources, request) {
            Ok(done) => reversed.extend(done),
            Err(obstacle) => obstacles.push(obstacle),
        }
    }
    if let Some(error) = refusal(obstacles) {
        return Err(error);
    }
    if let Some(first) = mirrors.first {
        let taken: Vec<(Number, Number)> = mirrors.taken.into_values().collect();
        let mut text = String::new();
        for entry in &reversed {
            writer::comment(&mut text, &format!("reversal of {}", entry.external_id));
        }
        let gaps = index.gaps_before(&taken);
        writer::head(
            &mut text,
            clock::now(),
            books.company(),
            &taken,
            &gaps,
            index.roots(),
        );
        text.push_str(&mirrors.text);
        let file = books.new_file(lock, first.year, &first.to_string())?;
        file.write(text.as_bytes())?;
    }
    Ok(reversed)
}

/// All obstacles at once, by the one that weighs most.
fn refusal(obstacles: Vec<Obstacle>) -> Option<ReversalError> {
    let is_unusable = obstacles
        .iter()
        .any(|obstacle| matches!(obstacle, Obstacle::Unusable(_)));
    let texts: Vec<String> = obstacles
        .into_iter()
        .map(|obstacle| match obstacle {
            Obstacle::Unusable(text) | Obstacle::NeedsPerson(text) => text,
            Obstacle::Unread(error) => error.to_string(),
        })
        .collect();
    let text = texts.join("\n");
    match (texts.is_empty(), is_unusable) {
        (true, _) => None,
        (false, true) => Some(ReversalError::Unusable(text)),
        (false, false) => Some(ReversalError::NeedsPerson(text)),
    }
}

/// Which documents are taken back, and when.
fn plan(index: &Index, request: &ReversalRequest, number: &str) -> Result<Planned, Obstacle> {
    let unknown = || Obstacle::Unusable(format!("no entry of these books has the number {number}"));
    let parsed: Number = number.parse().map_err(|_| unknown())?;
    let documents = match index.reversal(parsed)? {
        Reversal::Open(documents) => documents,
        Reversal::Unknown => return Err(unknown()),
        Reversal::IsMirror(of) => {
            return Err(Obstacle::Unusable(format!(
                "{number} is itself the reversal of {of}: to have the expense in the books again, export it again"
            )));
        }
        Reversal::Refused(why) => return Err(Obstacle::NeedsPerson(why)),
    };
    let documents = documents.into_iter().map(|booked| {
        let day = day(index, request, &booked)?;
        Ok::<_, Obstacle>((booked, day))
    });
    Ok(Planned {
        documents: documents.collect::<Result<_, _>>()?,
    })
}

/// The day of a mirror: one on which the books are open, its accounts too.
fn day(index: &Index, request: &ReversalRequest, booked: &Booked) -> Result<NaiveDate, Obstacle> {
    let number = booked.number;
    let confirmed = booked
        .accounts()
        .filter_map(|account| Some((index.balance_day(account)?, account)))
        .max();
    let day = request
        .days
        .day(booked.posting_date, None, confirmed.map(|(day, _)| day))
        .map_err(|error| Obstacle::Unusable(format!("{number} cannot be reversed: {error}")))?;
    if let Some((balance, account)) = confirmed.filter(|(balance, _)| day < *balance) {
        warn!(
            "the reversal of {number} on {day} changes {account}, of which the ledger says what it comes to on {balance}: \
             run bean-check and correct that line"
        );
    }
    for account in booked.accounts() {
        let from = index.account(account).map(|opened| opened.from);
        if let Some(from) = from.filter(|from| day < *from) {
            return Err(Obstacle::Unusable(format!(
                "{number} cannot be reversed on {day}: account {account} is open from {from} on"
            )));
        }
        if let Some(closed) = index.closed_on(account).filter(|closed| day > *closed) {
            return Err(Obstacle::Unusable(format!(
                "{number} cannot be reversed on {day}: account {account} was closed on {closed}; name an earlier day with \
                 --date, or open the account again"
            )));
        }
    }
    Ok(day)
}

/// The texts of the files in which the documents stand.
#[derive(Default)]
struct Sources(HashMap<Arc<Path>, String>);

impl Sources {
    fn read(&mut self, booked: &Booked) -> Result<(), SystemError> {
        let file = &booked.place.file;
        if !self.0.contains_key(file) {
            let text = fs::read_to_string(file)
                .map_err(|error| unreadable(&FileError::at(Action::Read, file)(error)))?;
            self.0.insert(Arc::clone(file), text);
        }
        Ok(())
    }

    fn text(&self, booked: &Booked) -> &str {
        self.0.get(&booked.place.file).map_or("", String::as_str)
    }
}

/// The mirrors of one call, on their way into one file.
struct Mirrors<'a> {
    highest: &'a mut BTreeMap<i32, u32>,
    /// The first and the last number of each year.
    taken: BTreeMap<i32, (Number, Number)>,
    text: String,
    first: Option<Number>,
}

impl Mirrors<'_> {
    fn add(
        &mut self,
        entry: &Planned,
        sources: &Sources,
        request: &ReversalRequest,
    ) -> Result<Option<Reversed>, Obstacle> {
        let mut first = None;
        for (booked, date) in &entry.documents {
            let date = *date;
            let text = sources.text(booked);
            let changed = || {
                Obstacle::NeedsPerson(format!(
                    "{} was changed just now ({}): run it again",
                    booked.number, booked.place
                ))
            };
            let directive = directive(text, booked).ok_or_else(changed)?;
            let head = Head::of(text, booked.place.line).ok_or_else(changed)?;
            let postings = mirrored(&directive, booked)?;
            let number = self.next_number(date);
            let (reverses, what) = (booked.number, request.reason.as_ref().unwrap_or(&head.narration));
            let narration = match what.as_str() {
                "" => format!("Reversal of {reverses}"),
                what => format!("Reversal of {reverses}: {what}"),
            };
            let mirror = MirrorText {
                date,
                flag: head.flag,
                payee: head.payee.as_deref(),
                narration: &narration,
                links: &directive.links,
                reverses,
                number,
                postings,
            };
            writer::mirror(&mut self.text, &mirror);
            first.get_or_insert((reverses, number, date));
        }
        Ok(first.map(|(reverses, number, date)| Reversed {
            external_id: reverses.to_string(),
            reversal: Some(number.to_string()),
            date,
            documents: entry.documents.len(),
        }))
    }

    fn next_number(&mut self, date: NaiveDate) -> Number {
        let year = Number::year_of(date);
        let highest = self.highest.entry(year).or_default();
        *highest = highest.saturating_add(1);
        let number = Number::of_year(date, *highest);
        self.first.get_or_insert(number);
        self.taken.entry(year).or_insert((number, number)).1 = number;
        number
    }
}

/// The document as its file has it.
fn directive<'a>(text: &'a str, booked: &Booked) -> Option<Directive<'a>> {
    let mut found = None;
    // What cannot be read elsewhere in a person's own file was told when the books were read.
    let _ = reader::read(text, Manner::Tolerant, |directive| {
        if directive.line == booked.place.line {
            found = Some(directive);
        }
        Ok(())
    });
    let number = booked.number.to_string();
    found.filter(|directive| directive.metadata.get(key::NUMBER).as_deref() == Some(&*number))
}

/// The first line of a transaction.
struct Head<'a> {
    flag: &'a str,
    payee: Option<String>,
    narration: String,
}

impl<'a> Head<'a> {
    fn of(text: &'a str, line: u32) -> Option<Self> {
        let mut lines = Lines::of(text, Manner::Tolerant).filter_map(Result::ok);
        let content = lines.find(|found| found.number == line)?.content;
        let mut words = Tokens::of(content);
        let _date = words.word()?;
        let flag = words.word()?;
        let mut texts: Vec<String> = Tokens::of(content)
            .filter_map(|token| match token {
                Token::Text(inside) => Some(super::text::unquoted(inside).into_owned()),
                Token::Word(_) => None,
            })
            .collect();
        let narration = texts.pop().unwrap_or_default();
        Some(Self {
            flag,
            payee: texts.pop(),
            narration,
        })
    }
}

/// The postings the other way round, each with its metadata: what counts tax or cost centres must come to zero too.
fn mirrored<'a>(directive: &Directive<'a>, booked: &Booked) -> Result<Vec<MirrorPosting<'a>>, Obstacle> {
    let untold = || {
        Obstacle::NeedsPerson(format!(
            "{} has a price, a cost or a calculation among its amounts ({}): book its mirror by hand with the line `{}: \
             \"{}\"`",
            booked.number,
            booked.place,
            key::REVERSES,
            booked.number
        ))
    };
    let Kind::Transaction { postings, .. } = &directive.kind else {
        return Err(untold());
    };
    if booked.movements.is_none() {
        return Err(untold());
    }
    let left_out = left_out(postings);
    postings
        .iter()
        .map(|posting| {
            let money = posting.amount.exact().or(left_out).ok_or_else(untold)?;
            let metadata = posting.metadata.raw().map(|(key, value)| (key, turned(value)));
            Ok(MirrorPosting {
                account: posting.account,
                money: money.negated(),
                metadata: metadata.collect(),
            })
        })
        .collect()
}

/// The amount that beancount fills in.
fn left_out(postings: &[Posting<'_>]) -> Option<Money> {
    let exact = || postings.iter().filter_map(|posting| posting.amount.exact());
    let currency: Currency = exact().next()?.currency;
    let is_left_out = |posting: &&Posting<'_>| matches!(posting.amount, PostingAmount::LeftOut);
    if postings.iter().filter(is_left_out).count() != 1 {
        return None;
    }
    let sum: Amount = exact().map(|money| money.amount).sum();
    Some(Money {
        amount: sum.negated(),
        currency,
    })
}

/// A value of metadata as the mirror has it: amounts the other way round, all else the same.
fn turned(value: &str) -> String {
    let inside = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let money = reader::money(inside.unwrap_or(value));
    match (money.map(Money::negated), inside) {
        (Some(money), Some(_)) => format!("\"{money}\""),
        (Some(money), None) => money.to_string(),
        (None, _) => value.to_owned(),
    }
}
