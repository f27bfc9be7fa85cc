//! The documents of entries: checked and counted when their file is read, and read again from their place when somebody
//! asks what they say.

use std::fs::File;
use std::hash::BuildHasher;
use std::io::{Read, Seek, SeekFrom};
use std::rc::Rc;

use crate::host::files::{Action, FileError};
use crate::model::document::Part;
use crate::systems::SystemError;

use super::super::content;
use super::super::errors::unreadable;
use super::super::lexer::{Fault, Manner};
use super::super::movements::{Movements, is_unbalanced};
use super::super::reader::{self, Directive, Kind, Posting};
use super::super::text;
use super::super::vocabulary::{document_kind, key};
use super::Index;
use super::entries::{Booked, Document, Place};
use super::said::{invoice, touches_tax, wallet};

impl Index {
    /// The documents that carry an entry's link.
    pub(super) fn documents_of<'a>(&'a self, link: &str) -> impl Iterator<Item = &'a Document> + use<'a> {
        let first = self.entries.get(&self.key(link)).copied();
        std::iter::successors(self.document(first), |document| self.document(document.other))
    }

    pub(super) fn document(&self, at: Option<u32>) -> Option<&Document> {
        self.documents.get(usize::try_from(at?).ok()?)
    }

    /// Stands for a text in little memory. Its keys come from the system's source of chance, so that nobody can choose two
    /// texts with one key.
    pub(super) fn key(&self, text: &str) -> u64 {
        self.keys.hash_one(text)
    }

    /// Takes a transaction of ours into account, unless it is one that is aside and that the books have by now.
    pub(super) fn add_document(
        &mut self,
        entry_id: &str,
        directive: &Directive<'_>,
        postings: &[Posting<'_>],
        place: Place,
        is_aside: bool,
    ) -> Result<(), Fault> {
        let document = document(directive, postings, place)?;
        let link = text::entry_link(entry_id);
        let is_same = |other: &&Document| (other.part, other.revision) == (document.part, document.revision);
        let same = self.documents_of(&link).find(is_same);
        if is_aside && same.is_some() {
            return Ok(());
        }
        let repeated = same.map(|other| (other.number, other.place.clone()));
        let at = u32::try_from(self.documents.len()).unwrap_or(u32::MAX);
        self.find_number(document.number);
        if let Some(invoice) = invoice(directive, postings) {
            self.invoices.insert((self.key(invoice.number.compared()), at));
        }
        let (again, here) = (document.number, document.place.clone());
        let (part, revision) = (document.part, document.revision);
        self.documents.push(document);
        if let Some((number, place)) = repeated {
            if let Some(repeats) = &mut self.repeats {
                let both = format!("{number} stands in {place} and, as {again}, in {here}");
                repeats.entry(entry_id.into()).or_default().push(both);
                return Ok(());
            }
            return Err(Fault::at(
                here.line,
                format!(
                    "the accounting entry {entry_id} ({}, revision {}) stands here a second time, first in {place}; \
                     delete one of the two, or when one of them is a reversal, its line `{}`",
                    part.as_str(),
                    revision,
                    key::ENTRY,
                ),
            ));
        }
        let other = self.entries.insert(self.key(&link), at);
        if let Some(document) = self.documents.last_mut() {
            document.other = other;
        }
        Ok(())
    }
}

impl Document {
    /// What its file says now.
    pub(super) fn booked(&self) -> Result<Rc<Booked>, SystemError> {
        let file = &self.place.file;
        let mut bytes = Vec::new();
        let read = File::open(file).and_then(|mut opened| {
            opened.seek(SeekFrom::Start(self.text.start.into()))?;
            let length = self.text.end - self.text.start;
            opened.take(length.into()).read_to_end(&mut bytes)
        });
        read.map_err(|error| unreadable(&FileError::at(Action::Read, file)(error)))?;
        let mut found = None;
        // The whole file was read without a fault.
        let _ = reader::read(&String::from_utf8_lossy(&bytes), Manner::Tolerant, |directive| {
            found = found.take().or_else(|| booked(&directive, self));
            Ok(())
        });
        found.map(Rc::new).ok_or_else(|| SystemError::Unavailable {
            reason: format!("{} was changed while the books were read: run again.", self.place),
        })
    }
}

/// What tells a transaction of ours from the others.
fn document(directive: &Directive<'_>, postings: &[Posting<'_>], place: Place) -> Result<Document, Fault> {
    let fault = |problem: String| Fault::at(directive.line, problem);
    let metadata = &directive.metadata;
    let part = match metadata.get(key::PART).as_deref() {
        None => Part::Main,
        Some(word) if word == Part::Payment.as_str() => Part::Payment,
        Some(other) => return Err(fault(format!("`{}: {other}` is not known", key::PART))),
    };
    let revision = metadata
        .get(key::REVISION)
        .map_or(Ok(1), |revision| revision.parse());
    let number = metadata.get(key::NUMBER).and_then(|number| number.parse().ok());
    if postings.is_empty() {
        return Err(fault("the transaction has no postings".to_owned()));
    }
    if is_unbalanced(postings) {
        return Err(fault("the transaction does not balance".to_owned()));
    }
    let text = &directive.text;
    let (Ok(start), Ok(end)) = (text.start.try_into(), text.end.try_into()) else {
        return Err(fault("the file is larger than 4 GiB".to_owned()));
    };
    Ok(Document {
        part,
        revision: revision.map_err(|_| fault(format!("`{}` is not a number", key::REVISION)))?,
        number: number.ok_or_else(|| fault(format!("`{}` is missing or wrong", key::NUMBER)))?,
        place,
        text: start..end,
        other: None,
    })
}

/// What a transaction says; `None` where it is not the document any more.
fn booked(directive: &Directive<'_>, known: &Document) -> Option<Booked> {
    let Kind::Transaction { date, postings } = &directive.kind else {
        return None;
    };
    let metadata = &directive.metadata;
    let now = document(directive, postings, known.place.clone()).ok()?;
    let is_same = (now.part, now.revision, now.number) == (known.part, known.revision, known.number);
    let money = |name| metadata.get(name).and_then(|text| reader::money(&text));
    is_same.then_some(Booked {
        entry_id: metadata.get(key::ENTRY)?.into(),
        part: now.part,
        revision: now.revision,
        number: now.number,
        posting_date: *date,
        content_hash: metadata.get(key::HASH).map(Box::from),
        amount: money(key::FIRST_AMOUNT).or_else(|| content::amount(postings)),
        invoice: invoice(directive, postings),
        // Version 0.1 said it of journal entries too.
        is_journal_entry: metadata
            .get(key::DOCUMENT)
            .is_none_or(|word| word == document_kind::JOURNAL_ENTRY),
        first_account: postings.first()?.account.into(),
        wallet: wallet(postings).map(|posting| posting.account.into()),
        movements: Movements::of(postings),
        touches_tax: postings.iter().any(touches_tax),
        place: now.place,
    })
}
