//! What a run says at its end: values that the command line renders.

use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::warn;

use crate::checkpoint::Counts;
use crate::host::clock;
use crate::model::document::{PlannedItem, Posting, Purpose};
use crate::model::export_job::{ExportJob, JobStatus};
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::money::{Amount, Currency};
use crate::model::references::NewAccount;
use crate::model::verdict::Failure;

/// What a run did.
#[derive(Debug, Default)]
pub struct RunReport {
    /// The jobs worked on, in order.
    pub jobs: Vec<JobReport>,
    /// What ended the run outside of any job.
    pub problem: Option<Problem>,
    /// The job of another instance that no other could be started for.
    pub blocked_by: Option<Blocker>,
    /// Why that job, which was ours, is left to that instance.
    pub left_aside: Option<String>,
    /// The jobs that waited when they were last listed, and for how long each had by then; none where that never came about.
    pub pending: Option<Vec<(JobId, TimeDelta)>>,
}

/// A job in progress that another instance has started: Pleo runs one of a company at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// The job in progress.
    pub id: JobId,
    /// When Pleo last heard of it.
    pub last_updated_at: DateTime<Utc>,
    /// Whether nobody has worked on it for half of its lifetime.
    pub is_stuck: bool,
}

impl Blocker {
    /// The job as Pleo shows it; one of which it has never heard counts from when it was made.
    pub(super) fn of(job: &ExportJob, is_stuck: bool) -> Self {
        Self {
            id: job.id.clone(),
            last_updated_at: job.last_updated_at.unwrap_or(job.created_at),
            is_stuck,
        }
    }

    /// What a person must look into where it is stuck.
    pub(super) fn stuck(&self) -> Problem {
        let since = clock::text(self.last_updated_at);
        Problem {
            kind: ProblemKind::NotOurs,
            message: format!(
                "job {} of another instance blocks the company, and nothing has been heard of it since {since}",
                self.id
            ),
            hint: format!(
                "where that instance is gone, or this checkpoint is new, run `pleo-export run-job {} --adopt`",
                self.id
            ),
        }
    }
}

/// What those are told who hear that the company waits for a job of another instance, and what they can do.
pub fn held_up(by: &JobId) -> (String, String) {
    (
        format!("job {by} of another instance is in progress, and the next one waits for it"),
        format!(
            "nothing, if that instance is at work; if it is gone, or this checkpoint is new, run `pleo-export run-job {by} \
             --adopt`"
        ),
    )
}

impl RunReport {
    /// For how long the oldest has waited of the jobs that still do; zero where none does, nothing where that is not known.
    pub fn oldest_pending(&self) -> Option<TimeDelta> {
        let is_begun = |id: &JobId| {
            let job = self.jobs.iter().find(|job| job.id == *id);
            job.is_some_and(|job| !matches!(job.ending, Ending::NotBegun(_)))
        };
        let pending = self.pending.as_ref()?.iter();
        let waiting = pending.filter(|(id, _)| !is_begun(id));
        Some(waiting.fold(TimeDelta::zero(), |oldest, (_, age)| oldest.max(*age)))
    }

    /// How many jobs were worked on: all but those that Pleo does not know any more.
    pub(super) fn worked_on(&self) -> usize {
        let is_known = |job: &&JobReport| {
            let problem = job.ending.problem();
            problem.is_none_or(|problem| problem.kind != ProblemKind::UnknownJob)
        };
        self.jobs.iter().filter(is_known).count()
    }

    /// Whether another job may be begun: not after something that would stop the next one just the same.
    pub(super) fn may_go_on(&self) -> bool {
        self.blocked_by.is_none()
            && self.problem.is_none()
            && self.jobs.last().is_none_or(|job| job.ending.may_go_on())
    }
}

/// What became of one job.
#[derive(Debug)]
pub struct JobReport {
    /// The job worked on.
    pub id: JobId,
    /// How it ended.
    pub ending: Ending,
    /// Its items by verdict.
    pub counts: Counts,
    /// Each failed item.
    pub failures: Vec<(AccountingEntryId, Failure)>,
    /// What this run found and did.
    pub totals: JobTotals,
}

/// What the work on a job found and did to the books, to hold against Pleo and the ledger.
#[derive(Clone, Debug, Default)]
pub struct JobTotals {
    /// What the pre-check refused, by cause with counts, most frequent first.
    pub refusals: Vec<(String, usize)>,
    /// The accounts that were opened, by name.
    pub opened: BTreeMap<String, NewAccount>,
    /// What moved on each account that stands for a wallet, by what was booked or found booked.
    pub wallet: BTreeMap<(String, Currency), Amount>,
    /// Taxes of which neither settings nor payload say how they are booked: by code and account.
    pub taxes: BTreeMap<AssumedTax, Amount>,
    /// What is odd about an entry that is in the books.
    pub remarks: Vec<(AccountingEntryId, String)>,
    /// What a person should know about the books as they stand.
    pub notices: Vec<String>,
    /// What is counted, by a hash that takes little memory: an item may be looked up more than once.
    counted: HashSet<u64>,
    /// What the log was told: a look-up may say it again.
    remarked: HashSet<(AccountingEntryId, String)>,
}

/// A tax that was taken as fully deductible because nobody said anything else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssumedTax {
    /// Pleo's tax code.
    pub code: Option<String>,
    /// Where it was booked.
    pub account: String,
    /// In which currency.
    pub currency: Currency,
    /// Whether it is owed under reverse charge, and not what may be deducted.
    pub is_owed: bool,
}

impl AssumedTax {
    /// What was assumed, and how to say otherwise.
    pub fn sentence(&self, amount: Amount) -> String {
        let (name, remedy) = match &self.code {
            Some(code) if code.chars().all(is_bare) => (format!("tax {code}"), format!("set [taxes.{code}]")),
            Some(code) => (format!("tax {code}"), format!("set [taxes.{code:?}]")),
            None => (
                "tax without a code".to_owned(),
                "give the tax a code in Pleo".to_owned(),
            ),
        };
        let (currency, account) = (self.currency, &self.account);
        if self.is_owed {
            // What is owed stands on the credit side.
            let amount = amount.negated();
            format!("{name}, {amount} {currency}, taken as owed on {account}: {remedy}")
        } else {
            format!("{name}, {amount} {currency}, taken as fully deductible: {remedy}")
        }
    }
}

impl JobTotals {
    /// Counts the accounts that booking this item opened.
    pub(super) fn add_opened(&mut self, plan: &PlannedItem) {
        for posting in postings(plan) {
            if let Some(new) = posting.account.opens.as_deref() {
                let known = self.opened.entry(posting.account.name.clone());
                known.or_insert_with(|| new.clone());
            }
        }
    }

    /// Takes a remark about an item and tells the log; once, however often it comes.
    pub(super) fn remark(&mut self, entry_id: &AccountingEntryId, remark: String) {
        let remark = (entry_id.clone(), remark);
        if self.remarked.insert(remark.clone()) {
            warn!(item.id = %remark.0, "{}", remark.1);
            self.remarks.push(remark);
        }
    }

    /// Counts an item that is complete in the books, booked now or found. Where it moved the wallet on another account
    /// than is planned today, that one is named.
    pub(super) fn add(&mut self, plan: &PlannedItem, wallet_account: Option<&str>) {
        let key = self.counted.hasher().hash_one(plan.entry_id());
        if !self.counted.insert(key) {
            return;
        }
        let currency = plan.item.amount.currency;
        for posting in postings(plan) {
            let account = || posting.account.name.clone();
            if posting.purpose == Purpose::Cash {
                let wallet = wallet_account.map_or_else(account, str::to_owned);
                *self.wallet.entry((wallet, currency)).or_default() += posting.amount;
            }
            if let Some(tax) = posting.tax.as_ref().filter(|tax| tax.is_assumed) {
                let assumed = AssumedTax {
                    code: tax.code.clone(),
                    account: account(),
                    currency,
                    is_owed: posting.purpose == Purpose::ReverseTax,
                };
                *self.taxes.entry(assumed).or_default() += posting.amount;
            }
        }
        let remarks = plan.remarks.iter().cloned();
        self.remarks
            .extend(remarks.map(|remark| (plan.entry_id().clone(), remark)));
    }
}

/// Whether a key of the settings needs no quotes for it.
const fn is_bare(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

fn postings(plan: &PlannedItem) -> impl Iterator<Item = &Posting> {
    plan.documents.iter().flat_map(|document| &document.postings)
}

/// How the work on a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Closed with this status, by us now or earlier.
    Closed(JobStatus),
    /// Closed, but Pleo rejected some verdicts or a person must look into the books.
    ClosedButNeedsPerson(JobStatus, Problem),
    /// It was over before this run and not through us, or it was closed earlier with this status.
    AlreadyOver(JobStatus),
    /// Told to Pleo as failed before anything was booked.
    Failed(Problem),
    /// Expired, cancelled or closed by another instance while we worked.
    EndedByPleo(Problem),
    /// Left open; a later run goes on with it.
    LeftOpen(Problem),
    /// Left as it waits in Pleo: nothing was sent.
    NotBegun(Problem),
}

impl Ending {
    /// What a person or a scheduler has to react to, if anything.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Closed(_) | Self::AlreadyOver(_) => None,
            Self::ClosedButNeedsPerson(_, problem)
            | Self::Failed(problem)
            | Self::EndedByPleo(problem)
            | Self::LeftOpen(problem)
            | Self::NotBegun(problem) => Some(problem),
        }
    }

    fn may_go_on(&self) -> bool {
        match self {
            Self::Closed(_)
            | Self::ClosedButNeedsPerson(..)
            | Self::AlreadyOver(_)
            | Self::Failed(_)
            | Self::EndedByPleo(_) => true,
            // Pleo runs one job of a company at a time, so an open job holds up the next. Where the program itself failed
            // over one, it may not have begun with it.
            Self::NotBegun(_) => false,
            Self::LeftOpen(problem) => problem.kind == ProblemKind::Panicked,
        }
    }
}

/// Something a person or a scheduler has to react to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of reaction it asks for.
    pub kind: ProblemKind,
    /// What happened, to what.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// What kind of reaction a problem asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Something nobody foresaw.
    Unexpected,
    /// The program itself failed.
    Panicked,
    /// The checkpoint or the books are damaged.
    Damaged,
    /// The command line is wrong.
    Usage,
    /// The settings are wrong for this.
    Configuration,
    /// Nothing with these settings gets to Pleo from here: the way there is wrong, and not the settings of the company.
    NeverReached,
    /// Pleo rejected the credential.
    Credential,
    /// Pleo does not know the job.
    UnknownJob,
    /// The job is in other hands.
    NotOurs,
    /// The job failed as a whole, or ended on Pleo's side.
    JobFailed,
    /// Out of reach for now; run again.
    Temporary,
    /// Stopped by a signal; run again.
    Stopped,
    /// A person must decide.
    NeedsPerson,
}

impl ProblemKind {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unexpected | Self::Panicked => "unexpected",
            Self::Damaged => "damaged",
            Self::Usage => "usage",
            Self::Configuration | Self::NeverReached => "configuration",
            Self::Credential => "credential_refused",
            Self::UnknownJob => "unknown_job",
            Self::NotOurs => "not_ours",
            Self::JobFailed => "job_failed",
            Self::Temporary => "temporary",
            Self::Stopped => "stopped",
            Self::NeedsPerson => "needs_person",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_is_told_as_people_say_it() {
        let tax = |is_owed| AssumedTax {
            code: Some("R25".to_owned()),
            account: "Liabilities:Tax:Output".to_owned(),
            currency: "DKK".parse().unwrap(),
            is_owed,
        };
        assert_eq!(
            tax(true).sentence(Amount::hundredths(-2_500)),
            "tax R25, 25.00 DKK, taken as owed on Liabilities:Tax:Output: set [taxes.R25]"
        );
        assert_eq!(
            tax(false).sentence(Amount::hundredths(2_500)),
            "tax R25, 25.00 DKK, taken as fully deductible: set [taxes.R25]"
        );
    }
}
