//! The accounting systems: what each can do, and one folder for each.
//!
//! The workflow knows only [`AccountingSystem`]. Every call may be repeated: the same key is booked once, the
//! same receipt attached once. What a failed call means for the books is in the kind of its [`SystemError`].

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use thiserror::Error;

use crate::model::booked_content::BookedContent;
use crate::model::document::{Part, PlannedItem, Receipt};
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::inspected::Inspected;
use crate::model::money::Money;
use crate::model::permit::{Permit, Withheld};
use crate::model::references::{References, Resolution};
use crate::model::reversal::{ReversalRequest, Reversed};
use crate::model::verdict::{ItemFailureType, JobFailure, JobFailureType, in_command};

pub mod beancount;
pub mod command;
pub mod odoo;
pub mod unready;

/// An accounting system, for the length of one run.
pub trait AccountingSystem: fmt::Debug {
    /// What it is and what it can do. Does not touch it.
    fn describe(&self) -> Description;

    /// Whether its books and the settings for them are in order, looked at before a job is begun: what a person must
    /// mend is told while the job still waits in Pleo. Of the network it asks no more than whether a conversation can begin:
    /// what is out of reach may be there in a moment.
    fn ready(&mut self) -> Result<(), SystemError> {
        Ok(())
    }

    /// Whether it can be reached and take the job: credential, company, permissions, what the job needs.
    fn check(&mut self, job: &JobNeeds) -> Result<(), SystemError>;

    /// The same as [`ready`](Self::ready) and [`check`](Self::check) for one who only wants to know: nothing is made, written
    /// or locked.
    fn examine(&mut self, job: &JobNeeds) -> Result<(), SystemError> {
        self.ready()?;
        self.check(job)
    }

    /// What a person should know about the books as a job left them; each is told once a run.
    fn notices(&mut self) -> Vec<Notice> {
        Vec::new()
    }

    /// What it has of these references, in as few calls as it takes. Asked for the whole job first, and again for the
    /// invoices of each wave before it is booked.
    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError>;

    /// What the books have of these entries, one answer for each, in the same order.
    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError>;

    /// What the books have of these entries beside what was booked, one answer for each, in the same order; writes and locks
    /// nothing. Meant for systems that book nothing afterwards.
    fn inspect(&mut self, entries: &[AccountingEntryId]) -> Result<Vec<(Found, Inspected)>, SystemError> {
        let wanted = entries.iter().map(|entry_id| Wanted {
            entry_id: entry_id.clone(),
            parts: Vec::new(),
        });
        let found = self.find(&wanted.collect::<Vec<_>>())?;
        let with_amount = |found: Found| {
            let amount = found.booked().and_then(|booked| booked.amount);
            let inspected = Inspected {
                fitting_amounts: amount.into_iter().collect(),
                ..Inspected::default()
            };
            (found, inspected)
        };
        Ok(found.into_iter().map(with_amount).collect())
    }

    /// Removes the evidence of batches of the years before this one, with a line that says so; answers its files.
    fn prune_evidence(&mut self, _before: i32) -> Result<Vec<String>, SystemError> {
        Err(SystemError::Settings {
            reason: format!(
                "{} keeps no evidence here that could be removed.",
                self.describe().name
            ),
        })
    }

    /// What an entry that counts says of the expense that it was booked from, as far as the books show it. Asked only
    /// where the expense may have been changed since, for the text that says what.
    fn content(&mut self, _entry_id: &AccountingEntryId) -> Result<BookedContent, SystemError> {
        Ok(BookedContent::default())
    }

    /// Books the documents of each item, all or none of an item, completing what was found in part. An entry
    /// that is already complete is answered as booked, not booked again. One answer for each, in the same
    /// order; an outer error holds for all of them. The permit is asked for before whatever writes; where items are booked one
    /// after the other and it [is over](Permit::is_over), those after the first are [put off](SystemError::put_off).
    fn book(
        &mut self,
        permit: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError>;

    /// What booking wrote, in the books' own notation, each document with its entry; told once. Nothing where it really
    /// booked, and where the books have no notation.
    fn take_notation(&mut self) -> Vec<(AccountingEntryId, String)> {
        Vec::new()
    }

    /// What booking found odd that the plan could not know, each with its entry; told once.
    fn take_remarks(&mut self) -> Vec<(AccountingEntryId, String)> {
        Vec::new()
    }

    /// Puts the receipts beside each entry in order; the same content twice is one file. One answer for each, in the same order.
    /// The permit is asked for as by [`book`](Self::book).
    fn attach(
        &mut self,
        permit: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError>;

    /// Takes entries back, as they stand today and all of their documents. All are looked at before the first is
    /// taken back; what an earlier call began is gone on with, never begun anew.
    fn reverse(&mut self, _request: &ReversalRequest) -> Result<Vec<Reversed>, ReversalError> {
        let system = self.describe();
        let lack = system.lack(Ability::Reversals);
        Err(ReversalError::Unusable(format!(
            "{}: reverse them there by hand, all documents of an entry, then export the expenses again",
            lack.unwrap_or(system.name)
        )))
    }

    /// The highest number of each year that was given, as far as the books, this run and [`remember_numbers`] tell;
    /// empty where the system counts otherwise.
    ///
    /// [`remember_numbers`]: Self::remember_numbers
    fn highest_numbers(&self) -> BTreeMap<i32, u32> {
        BTreeMap::new()
    }

    /// Says what was given earlier as far as others know: books that lost a part must not give its numbers again.
    fn remember_numbers(&mut self, _highest: &BTreeMap<i32, u32>) {}
}

/// What a person should know about the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What stands there.
    pub message: String,
    /// What to do about it, where the message does not say it. What follows its first line is to be copied as it stands.
    pub remedy: Option<String>,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.remedy.iter().try_for_each(|remedy| write!(f, " {remedy}"))
    }
}

/// Why entries could not be taken back. Whatever was not taken back stands as it stood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReversalError {
    /// It cannot be done as it was asked for: an unknown number, no day, a system that does not offer it.
    #[error("{0}")]
    Unusable(String),
    /// A person must decide: it is reversed already, or half, or tied to something that is not ours.
    #[error("{0}")]
    NeedsPerson(String),
    /// The accounting system could not do it now.
    #[error(transparent)]
    System(#[from] SystemError),
}

/// What a system is and can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name, as people call it.
    pub name: String,
    /// Which books exactly: the checkpoint belongs to them.
    pub target: String,
    /// The same books as a checkpoint may name them that was made when the settings said less.
    pub former_target: Option<String>,
    /// How far booking the same key twice is safe.
    pub create: Create,
    /// Vendor bills and payments.
    pub payables: bool,
    /// It has a register of vendors, which says who is one.
    pub keeps_vendors: bool,
    /// What receipts it takes; `None` where it takes none.
    pub attachments: Option<AttachmentLimits>,
    /// Who computes tax: itself, or we post it.
    pub computes_tax: bool,
    /// How an entry is taken back.
    pub taking_back: TakingBack,
}

/// How an entry is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakingBack {
    /// The system does it where it is asked to.
    OnRequest,
    /// A person does it there.
    ByHand,
}

/// What a job may ask for and not every system can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Keeping vendor bills and their payments.
    VendorBills,
    /// Keeping receipts that are required.
    Receipts,
    /// Taking entries back.
    Reversals,
}

/// What to set where a system cannot keep receipts.
pub const RECEIPTS_REMEDY: &str = "set `attachments` under [bookkeeping] to \"best_effort\" or \"none\"";

impl Description {
    /// That the system lacks an ability, as a clause; `None` where it has it.
    pub fn lack(&self, ability: Ability) -> Option<String> {
        let (is_there, what) = match ability {
            Ability::VendorBills => (self.payables, "keep vendor bills"),
            Ability::Receipts => (
                self.attachments.is_some(),
                "keep receipts, but receipts are required",
            ),
            Ability::Reversals => (self.taking_back == TakingBack::OnRequest, "take entries back"),
        };
        (!is_there).then(|| format!("{} cannot {what}", self.name))
    }

    /// How an entry is taken back, as a clause that begins with a verb.
    pub fn how_to_take_back(&self, number: &str) -> String {
        let number = in_command(number);
        match self.lack(Ability::Reversals) {
            None => format!("run `pleo-export reverse {number}`"),
            Some(_) => format!("reverse {number} in {} by hand, all of its documents", self.name),
        }
    }
}

/// How far booking the same key twice is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// The system refuses a second record of the same key.
    Unique,
    /// The books are locked from look-up to write.
    Exclusive,
    /// It can only be searched: a lost answer cannot be tried again.
    Search,
}

impl Create {
    /// Whether a lost answer may simply be tried again.
    pub const fn is_repeatable(self) -> bool {
        matches!(self, Self::Unique | Self::Exclusive)
    }
}

/// What receipts a system takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentLimits {
    /// The largest file, in bytes.
    pub largest: u64,
}

/// What a job asks of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobNeeds {
    /// The job.
    pub job_id: JobId,
    /// Whose expenses it holds.
    pub company_id: CompanyId,
    /// Whether vendor bills will come.
    pub payables: bool,
    /// Whether receipts will come.
    pub attachments: bool,
}

/// An entry to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub entry_id: AccountingEntryId,
    /// The parts that make it complete; empty where they are not known (its data could not be planned). Then it
    /// counts as complete only where the system itself can tell.
    pub parts: Vec<Part>,
}

impl Wanted {
    /// An entry of which the parts are not known.
    pub fn whole(entry_id: &AccountingEntryId) -> Self {
        Self {
            entry_id: entry_id.clone(),
            parts: Vec::new(),
        }
    }
}

/// What the books have of an entry. A journal entry is complete by itself, whatever parts are wanted today: the
/// money in it has moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing that counts. The next booking takes this revision: 1, or one more than the last reversed one.
    Absent {
        /// The revision to book.
        next_revision: u32,
    },
    /// Some of its parts.
    Incomplete(BookedEntry),
    /// All of its parts.
    Complete(BookedEntry),
    /// Nobody but a person can say whether it counts.
    Unclear {
        /// What is in question.
        booked: BookedEntry,
        /// What the books say, and what to do.
        reason: String,
    },
}

impl Found {
    /// What of the entry counts in the books; nothing where only a person can say.
    pub const fn booked(&self) -> Option<&BookedEntry> {
        match self {
            Self::Absent { .. } | Self::Unclear { .. } => None,
            Self::Incomplete(booked) | Self::Complete(booked) => Some(booked),
        }
    }
}

/// An entry in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedEntry {
    /// Its number in the books.
    pub external_id: String,
    /// Where a person sees it.
    pub external_url: Option<String>,
    /// The day it is booked on.
    pub posting_date: NaiveDate,
    /// Which revision it is.
    pub revision: u32,
    /// The parts that are there.
    pub parts: Vec<Part>,
    /// Hash of the payload it was booked from, where the books keep it.
    pub content_hash: Option<String>,
    /// The item's amount it was booked from, where the books keep it; they may not tell its sign.
    pub amount: Option<Money>,
    /// What is odd about it in the books, for a person to read.
    pub remark: Option<String>,
    /// On which account it moved the wallet, where the books tell: settings may name another by now.
    pub wallet_account: Option<String>,
}

/// Receipts for an entry that is in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The job that brings it.
    pub job_id: JobId,
    /// The entry.
    pub entry_id: AccountingEntryId,
    /// The entry in the books.
    pub booked: BookedEntry,
    /// With whom it was, as people know it.
    pub payee: Option<String>,
    /// In Pleo's order.
    pub receipts: Vec<Receipt>,
}

/// What went wrong, by what it means for the books.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SystemError {
    /// Refused for good; nothing of it is booked. The text tells the bookkeeper what to do.
    #[error("{reason}")]
    Rejected {
        /// Why, in Pleo's words.
        failure_type: ItemFailureType,
        /// Why, for the bookkeeper.
        reason: String,
    },
    /// It is in the books, but not as it was planned, and could not be taken back.
    #[error("{reason}")]
    BookedWrong {
        /// What is in the books.
        booked: Box<BookedEntry>,
        /// Why, in Pleo's words.
        failure_type: ItemFailureType,
        /// What is wrong with it, for the bookkeeper.
        reason: String,
    },
    /// Out of reach for now; surely nothing was booked.
    #[error("{reason}")]
    Unavailable {
        /// Why, for the operator.
        reason: String,
    },
    /// The answer was lost: it may be booked.
    #[error("{reason}")]
    Unknown {
        /// Why, for the operator.
        reason: String,
    },
    /// Nothing more can be booked in this job, and nothing was by this call: it is given up.
    #[error("{reason}")]
    Fatal {
        /// Why, in Pleo's words.
        failure_type: JobFailureType,
        /// What happened and what to do; from the second line on for the operator alone.
        reason: String,
    },
    /// The books themselves are damaged, or closed to us (nothing may be written or locked there), and a person must see
    /// to it; nothing was booked.
    #[error("{reason}")]
    Damaged {
        /// Where, and what to do.
        reason: String,
    },
    /// This process may not act for the job now: the call that asked wrote nothing. What calls before it wrote is looked
    /// up again.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// The settings do not fit the books, and a person must correct one of them; nothing was booked.
    #[error("{reason}")]
    Settings {
        /// What does not fit, and what to do.
        reason: String,
    },
}

/// Passes answers on, unless the permit was withheld from one: then the whole job is looked at again, and the other
/// answers with it.
///
/// # Errors
/// [`SystemError::Withheld`].
pub fn none_withheld<T>(answers: &[Result<T, SystemError>]) -> Result<(), SystemError> {
    let mut errors = answers.iter().filter_map(|answer| answer.as_ref().err());
    let withheld = errors.find(|error| matches!(error, SystemError::Withheld(_)));
    withheld.map_or(Ok(()), |error| Err(error.clone()))
}

impl SystemError {
    /// The answer for an item that a call did not begin with, because its permit was over.
    pub fn put_off() -> Self {
        Self::Unavailable {
            reason: "it was put off, so that Pleo hears of the job in time".to_owned(),
        }
    }

    /// Whether it may come right by itself in a moment.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unknown { .. })
    }

    /// The failure of the whole job, where the question was not about one item and will never be answered.
    ///
    /// # Errors
    /// Itself, where the job may still go on.
    pub fn into_job_failure(self) -> Result<JobFailure, Self> {
        match self {
            Self::Fatal { failure_type, reason } => Ok(JobFailure {
                failure_type,
                reason: reason.lines().next().unwrap_or_default().to_owned(),
            }),
            Self::Rejected { failure_type, reason }
            | Self::BookedWrong {
                failure_type, reason, ..
            } => Ok(JobFailure {
                failure_type: failure_type
                    .as_job_failure()
                    .unwrap_or(JobFailureType::ValidationFailure),
                reason,
            }),
            error => Err(error),
        }
    }
}
