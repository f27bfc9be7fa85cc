//! Ledger text into the few directives that matter here: transactions, accounts, documents, includes.
//!
//! Pure. It goes line by line and borrows from the text. A user's own ledger is read tolerantly: what is not
//! understood is passed over. Our own files are read strictly: a line that no ledger could hold is a fault.
//! It does not check what beancount checks (balances, unknown accounts).

use std::borrow::Cow;
use std::ops::Range;

use chrono::NaiveDate;

use crate::model::money::{Amount, Money};

use super::lexer::{Fault, Line, Lines, Manner, Token, Tokens, is_ignored};
use super::text;
use super::vocabulary::directive;

/// One directive with everything below it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directive<'a> {
    /// The line it begins in, counted from 1.
    pub(super) line: u32,
    /// Its text, in bytes of the whole.
    pub(super) text: Range<usize>,
    /// What it says.
    pub(super) kind: Kind<'a>,
    /// Its links, without `^`.
    pub(super) links: Vec<&'a str>,
    pub(super) metadata: Metadata<'a>,
}

/// The directives that matter here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A transaction.
    Transaction {
        /// The posting date.
        date: NaiveDate,
        postings: Vec<Posting<'a>>,
    },
    /// An account begins.
    Open {
        /// From this day on.
        date: NaiveDate,
        /// The account.
        account: &'a str,
        /// What it may hold; everything when empty.
        currencies: Vec<&'a str>,
    },
    /// An account ends.
    Close {
        /// The last day.
        date: NaiveDate,
        /// The account.
        account: &'a str,
    },
    /// What an account, with those below it, comes to.
    Balance {
        /// At the beginning of this day.
        date: NaiveDate,
        /// The account.
        account: &'a str,
    },
    /// A file beside an account.
    Document {
        /// The path as written.
        path: Cow<'a, str>,
    },
    /// Another file belongs to the ledger.
    Include {
        /// The pattern as written.
        pattern: Cow<'a, str>,
    },
    /// How the file, or the whole ledger, is read.
    Option {
        /// The name of the option.
        name: Cow<'a, str>,
        value: Cow<'a, str>,
    },
    /// What follows belongs to this company on Pleo (`custom "pleo-company" "ID"`).
    Company { id: Cow<'a, str> },
    /// The evidence of what follows (`custom "pleo-evidence" "FILE" "SHA256"`).
    Evidence {
        /// Its file, by name.
        file: Cow<'a, str>,
        sha256: Cow<'a, str>,
    },
    /// Evidence that was removed (`custom "pleo-evidence-removed" "FILE"`).
    EvidenceRemoved {
        /// Its file, by name.
        file: Cow<'a, str>,
    },
    /// The head of our own file says up to which number it goes (`; numbers: FIRST to LAST`).
    Numbers {
        /// The last number.
        last: &'a str,
    },
    /// The head of our own file says which numbers were given before and are not there (`; given before and
    /// not there: FIRST to LAST`).
    Missing {
        /// The first number.
        first: &'a str,
        /// The last number.
        last: &'a str,
    },
    /// Anything else.
    Other,
}

/// One posting of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Posting<'a> {
    pub(super) account: &'a str,
    pub(super) amount: PostingAmount,
    pub(super) metadata: Metadata<'a>,
}

/// How much a posting moves, as far as we can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PostingAmount {
    /// A plain amount with two decimals.
    Exact(Money),
    /// Left out: beancount fills in what is missing to balance.
    LeftOut,
    /// An expression, a price, a cost, or another kind of commodity.
    Other,
}

impl PostingAmount {
    /// The amount, where it is plainly there.
    pub(super) fn exact(self) -> Option<Money> {
        match self {
            Self::Exact(money) => Some(money),
            Self::LeftOut | Self::Other => None,
        }
    }
}

/// The `key: value` lines of a directive or posting.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Metadata<'a> {
    /// The value of a key, a string without its quotes and anything else as written.
    pub(super) fn get(&self, key: &str) -> Option<Cow<'a, str>> {
        let (_, raw) = self.0.iter().find(|(known, _)| *known == key)?;
        match Tokens::of(raw).next() {
            Some(Token::Text(inside)) => Some(text::unquoted(inside)),
            Some(Token::Word(word)) => Some(Cow::Borrowed(word)),
            None => None,
        }
    }

    /// Every key with its value as written.
    pub(super) fn raw(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().copied()
    }
}

/// Reads a text and hands over its directives in order.
pub(super) fn read<'a>(
    text: &'a str,
    manner: Manner,
    mut each: impl FnMut(Directive<'a>) -> Result<(), Fault>,
) -> Result<Option<Fault>, Fault> {
    let mut first_passed_over = None;
    let mut open: Option<Directive<'a>> = None;
    for logical in Lines::of(text, manner) {
        let line = logical?;
        let content = line.content;
        let understood = if content.starts_with([' ', '\t']) {
            below(content, open.as_mut())
        } else if content.trim_end().is_empty() {
            true
        } else {
            if let Some(mut done) = open.take() {
                done.text.end = line.at;
                each(done)?;
            }
            open = top_level(line, text.len());
            open.is_some()
        };
        if !understood {
            let shown: String = content.trim().chars().take(60).collect();
            let fault = Fault::at(line.number, format!("`{shown}` is not a line of a ledger"));
            if manner == Manner::Strict {
                return Err(fault);
            }
            first_passed_over.get_or_insert(fault);
        }
    }
    open.map_or(Ok(()), each)?;
    Ok(first_passed_over)
}

/// A line without indentation, whose directive ends at `end` or before; `None` when it is not understood.
fn top_level(line: Line<'_>, end: usize) -> Option<Directive<'_>> {
    let content = line.content;
    let mut links = Vec::new();
    let mut tokens = Tokens::of(content);
    let kind = if content.starts_with(|first: char| first.is_ascii_digit()) {
        let date = date(tokens.word()?)?;
        dated(date, &mut tokens, &mut links)?
    } else if let Some(comment) = content.strip_prefix(';') {
        let range = |says: &str| comment.trim().strip_prefix(says)?.split_once(" to ");
        match (range("numbers: "), range("given before and not there: ")) {
            (Some((_, last)), _) => Kind::Numbers { last },
            (_, Some((first, last))) => Kind::Missing { first, last },
            _ => Kind::Other,
        }
    } else if is_ignored(content) {
        Kind::Other
    } else {
        match tokens.word()? {
            "include" => Kind::Include {
                pattern: tokens.text()?,
            },
            "option" => Kind::Option {
                name: tokens.text()?,
                value: tokens.text().unwrap_or_default(),
            },
            "plugin" | "pushtag" | "poptag" | "pushmeta" | "popmeta" => Kind::Other,
            _ => return None,
        }
    };
    Some(Directive {
        line: line.number,
        text: line.at..end,
        kind,
        links,
        metadata: Metadata::default(),
    })
}

/// What follows a date.
fn dated<'a>(date: NaiveDate, tokens: &mut Tokens<'a>, links: &mut Vec<&'a str>) -> Option<Kind<'a>> {
    let kind = match tokens.word()? {
        "open" => Kind::Open {
            date,
            account: tokens.word()?,
            currencies: tokens
                .filter_map(Token::into_word)
                .flat_map(|word| word.split(','))
                .filter(|currency| !currency.is_empty())
                .collect(),
        },
        "close" => Kind::Close {
            date,
            account: tokens.word()?,
        },
        "document" => {
            let _account = tokens.word()?;
            let path = tokens.text()?;
            collect_links(tokens, links);
            Kind::Document { path }
        }
        "custom" => match (tokens.text(), tokens.text()) {
            (Some(name), Some(id)) if name == directive::COMPANY => Kind::Company { id },
            (Some(name), Some(file)) if name == directive::EVIDENCE_REMOVED => Kind::EvidenceRemoved { file },
            (Some(name), Some(file)) if name == directive::EVIDENCE => match tokens.text() {
                Some(sha256) => Kind::Evidence { file, sha256 },
                None => Kind::Other,
            },
            _ => Kind::Other,
        },
        "balance" => Kind::Balance {
            date,
            account: tokens.word()?,
        },
        "commodity" | "pad" | "price" | "event" | "query" | "note" => Kind::Other,
        flag if flag == "txn" || is_flag(flag) => {
            collect_links(tokens, links);
            Kind::Transaction {
                date,
                postings: Vec::new(),
            }
        }
        _ => return None,
    };
    Some(kind)
}

/// An indented line, which belongs to the directive above; whether it is understood.
fn below<'a>(content: &'a str, above: Option<&mut Directive<'a>>) -> bool {
    let content = content.trim_ascii();
    if content.is_empty() || content.starts_with(';') {
        return true;
    }
    let Some(above) = above else { return false };
    if let Some((key, value)) = key_value(content) {
        let metadata = match &mut above.kind {
            Kind::Transaction { postings, .. } => postings
                .last_mut()
                .map_or(&mut above.metadata, |posting| &mut posting.metadata),
            _ => &mut above.metadata,
        };
        metadata.0.push((key, value));
        return true;
    }
    match &mut above.kind {
        Kind::Transaction { .. } if content.starts_with(['#', '^']) => {
            collect_links(&mut Tokens::of(content), &mut above.links);
            true
        }
        Kind::Transaction { postings, .. } => match posting(content) {
            Some(posting) => {
                postings.push(posting);
                true
            }
            None => false,
        },
        // Beancount itself passes over a comment's indented lines, and we over what we do not look into.
        Kind::Other => true,
        _ => false,
    }
}

fn key_value(content: &str) -> Option<(&str, &str)> {
    let is_part_of_key = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let end = content.bytes().position(|byte| !is_part_of_key(byte))?;
    let (key, rest) = content.split_at(end);
    let fits = key.len() >= 2 && key.starts_with(|first: char| first.is_ascii_lowercase());
    let value = rest.strip_prefix(':')?;
    fits.then(|| (key, value.trim_ascii()))
}

fn posting(content: &str) -> Option<Posting<'_>> {
    let mut tokens = Tokens::of(content);
    let mut account = tokens.word()?;
    if is_flag(account) {
        account = tokens.word()?;
    }
    if !account.contains(':') {
        return None;
    }
    let amount = match (tokens.word(), tokens.word(), tokens.word()) {
        (None, ..) => PostingAmount::LeftOut,
        (Some(number), Some(currency), None) => match (amount(number), currency.parse()) {
            (Some(amount), Ok(currency)) => PostingAmount::Exact(Money { amount, currency }),
            _ => PostingAmount::Other,
        },
        _ => PostingAmount::Other,
    };
    Some(Posting {
        account,
        amount,
        metadata: Metadata::default(),
    })
}

/// A number with or without commas between its thousands.
fn amount(number: &str) -> Option<Amount> {
    if !number.contains(',') {
        return number.parse().ok();
    }
    let whole = number.split('.').next()?;
    let are_thousands = whole.split(',').skip(1).all(|group| group.len() == 3);
    are_thousands.then(|| number.replace(',', "").parse().ok())?
}

fn collect_links<'a>(tokens: &mut Tokens<'a>, links: &mut Vec<&'a str>) {
    links.extend(tokens.filter_map(|token| token.into_word()?.strip_prefix('^')));
}

fn is_flag(word: &str) -> bool {
    match word.as_bytes() {
        [flag] => matches!(flag, b'*' | b'!' | b'&' | b'#' | b'?' | b'%' | b'A'..=b'Z'),
        [b'\'', flag] => flag.is_ascii_uppercase(),
        _ => false,
    }
}

/// An amount with its currency in a string, `125.00 DKK`.
pub(super) fn money(text: &str) -> Option<Money> {
    let (amount, currency) = text.split_once(' ')?;
    Some(Money {
        amount: amount.parse().ok()?,
        currency: currency.parse().ok()?,
    })
}

fn date(word: &str) -> Option<NaiveDate> {
    let mut parts = word.split(['-', '/']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

#[cfg(test)]
mod tests;
