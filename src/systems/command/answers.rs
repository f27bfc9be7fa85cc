//! From a connector's lines into the model. What does not fit the question is refused with the reason, and the
//! caller takes it for babble: an answer that is half right proves nothing about the books.

use std::fmt::Display;

use reqwest::Url;
use tracing::warn;

use crate::host::foreign_text::one_line;
use crate::model::document::Part;
use crate::model::ids::AccountingEntryId;
use crate::model::money::{Amount, Money};
use crate::model::references::{
    Account, Candidates, ClosedUntil, InvoiceInBooks, InvoiceSide, Reference, References, Resolution, Vendor,
};
use crate::systems::{AttachmentLimits, BookedEntry, Create, Description, Found, TakingBack, Wanted};

use super::wire;

/// The longest name or word of a connector's that is passed on, in characters.
pub(super) const LONGEST_NAME: usize = 60;

/// Why an answer cannot be taken.
pub(super) type Unfit = String;

pub(super) fn description(hello: wire::HelloAnswer) -> Result<Description, Unfit> {
    if hello.protocol != wire::PROTOCOL {
        return Err(format!(
            "it speaks version {} of the protocol, not {}",
            hello.protocol,
            wire::PROTOCOL
        ));
    }
    if hello.name.trim().is_empty() || hello.target.trim().is_empty() {
        return Err("its `name` or `target` is empty".to_owned());
    }
    Ok(Description {
        name: hello.name,
        target: format!("command:{}", hello.target),
        former_target: None,
        create: match hello.create {
            wire::Create::Unique => Create::Unique,
            wire::Create::Exclusive => Create::Exclusive,
            wire::Create::Search => Create::Search,
        },
        keeps_vendors: true,
        payables: hello.payables,
        attachments: hello.attachments.map(|limits| AttachmentLimits {
            largest: limits.largest,
        }),
        computes_tax: hello.computes_tax,
        taking_back: TakingBack::ByHand,
    })
}

pub(super) fn resolution(asked: &References, answer: wire::Resolved) -> Result<Resolution, Unfit> {
    let accounts = pairs("accounts", asked.accounts.keys(), answer.accounts)?;
    let tax_codes = pairs("tax_codes", &asked.tax_codes, answer.tax_codes)?;
    let vendors = pairs("vendors", asked.vendors.keys(), answer.vendors)?;
    let tags = pairs("tags", &asked.tags, answer.tags)?;
    let mut resolution = Resolution {
        accounts: present(accounts, |one| {
            Candidates::one(Account::open(one.reference, one.name))
        }),
        tax_codes: present(tax_codes, Reference::Name),
        vendors: present(vendors, |one| Vendor {
            reference: one.reference.into(),
            name: one.name,
        }),
        tags: present(tags, Reference::Name),
        closed_until: ClosedUntil {
            all: answer.closed_until.all,
            purchases: answer.closed_until.purchases,
            taxed: None,
        },
        ..Resolution::default()
    };
    for (key, found) in pairs("invoices", &asked.invoices, answer.invoices)? {
        let sides: Vec<_> = found.into_iter().map(invoice).collect::<Result<_, _>>()?;
        if !sides.is_empty() {
            resolution.invoices.insert(key.clone(), sides);
        }
    }
    Ok(resolution)
}

pub(super) fn found(asked: &[Wanted], answer: wire::Entries) -> Result<Vec<Found>, Unfit> {
    pairs("entries", asked, answer.entries)?
        .map(|(wanted, answer)| found_entry(wanted, answer))
        .collect()
}

fn found_entry(wanted: &Wanted, answer: wire::FoundEntry) -> Result<Found, Unfit> {
    if answer.entry_id != wanted.entry_id.as_str() {
        return Err(format!(
            "it answered about entry {} where {} was asked",
            answer.entry_id, wanted.entry_id
        ));
    }
    Ok(match answer.found {
        wire::Found::Absent { next_revision: 0 } => return Err("`next_revision` is 0".to_owned()),
        wire::Found::Absent { next_revision } => Found::Absent { next_revision },
        wire::Found::Incomplete { booked } => Found::Incomplete(booked_entry(&[], booked)?),
        wire::Found::Complete { booked } => Found::Complete(booked_entry(&wanted.parts, booked)?),
    })
}

/// An entry in the books, which must have these parts; a journal entry has no other than the main one.
pub(super) fn booked_entry(parts: &[Part], answer: wire::Booked) -> Result<BookedEntry, Unfit> {
    if answer.external_id.trim().is_empty() {
        return Err("the `external_id` of the entry is empty".to_owned());
    }
    if answer.revision == 0 {
        return Err(format!("the `revision` of entry {} is 0", answer.external_id));
    }
    let there: Vec<Part> = answer
        .parts
        .into_iter()
        .map(|part| match part {
            wire::Part::Main => Part::Main,
            wire::Part::Payment => Part::Payment,
        })
        .collect();
    let needed = if answer.journal_entry {
        &[Part::Main]
    } else {
        parts
    };
    if let Some(missing) = needed.iter().find(|part| !there.contains(part)) {
        return Err(format!(
            "entry {} counts as complete without its part \"{}\"",
            answer.external_id,
            missing.as_str()
        ));
    }
    // An address that cannot be shown is no reason to doubt the entry: Pleo is just not told it.
    let external_url = answer.external_url.filter(|url| {
        let is_shown = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_shown {
            warn!(
                "the connector's `external_url` of entry {} is no web address, so Pleo is not told it: correct the connector",
                one_line(&answer.external_id, LONGEST_NAME)
            );
        }
        is_shown
    });
    Ok(BookedEntry {
        external_id: answer.external_id,
        external_url,
        posting_date: answer.posting_date,
        revision: answer.revision,
        parts: there,
        content_hash: answer.content_hash,
        amount: answer.amount.map(money).transpose()?,
        remark: None,
        wallet_account: None,
    })
}

/// Pleo's type for the connector's word. A word that Pleo does not have fails no booking, but is told.
pub(super) fn failure_type<T: Display>(
    word: Option<&str>,
    from_wire: fn(&str) -> Option<T>,
    otherwise: T,
) -> T {
    let Some(word) = word else { return otherwise };
    from_wire(word).unwrap_or_else(|| {
        warn!(
            "the connector answered with the failure type `{}`, which Pleo does not have here; Pleo is told \
             `{otherwise}`: correct the connector (docs/connector-protocol.md lists the words)",
            one_line(word, LONGEST_NAME)
        );
        otherwise
    })
}

fn invoice(answer: wire::Invoice) -> Result<InvoiceInBooks, Unfit> {
    Ok(InvoiceInBooks {
        entry_id: AccountingEntryId::new(answer.entry_id),
        external_id: answer.external_id,
        side: match answer.side {
            wire::Side::Bill => InvoiceSide::Bill,
            wire::Side::Payment => InvoiceSide::Payment,
        },
        payable: money(answer.payable)?,
        supplier_amount: answer.supplier_amount.map(money).transpose()?,
        invoice_date: answer.invoice_date,
        link: answer.link,
    })
}

fn money(money: wire::Money) -> Result<Money, Unfit> {
    Ok(Money {
        amount: Amount::from_json_number(&money.hundredths.to_string()).map_err(|error| error.to_string())?,
        currency: money
            .currency
            .parse()
            .map_err(|error: crate::model::money::CurrencyError| error.to_string())?,
    })
}

/// Each question with its answer; there must be as many.
fn pairs<K, V>(
    list: &str,
    asked: impl IntoIterator<Item = K, IntoIter: ExactSizeIterator>,
    answered: Vec<V>,
) -> Result<impl Iterator<Item = (K, V)>, Unfit> {
    let asked = asked.into_iter();
    if asked.len() != answered.len() {
        return Err(format!(
            "it gave {} answers in `{list}` where {} were asked",
            answered.len(),
            asked.len()
        ));
    }
    Ok(asked.zip(answered))
}

/// What is there, by the key it was asked with.
fn present<'a, K, W, V>(
    answers: impl Iterator<Item = (&'a K, Option<W>)>,
    convert: impl Fn(W) -> V,
) -> std::collections::HashMap<K, V>
where
    K: Clone + Eq + std::hash::Hash + 'a,
{
    answers
        .filter_map(|(key, answer)| Some((key.clone(), convert(answer?))))
        .collect()
}
