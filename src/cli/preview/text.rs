//! For people: the documents, then what is refused and why, what is booked already, and what it comes to.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::output::Output;
use super::page::{AccountTotals, Page, View};
use crate::cli::as_typed::as_typed;
use crate::cli::exit::Exit;
use crate::cli::render::totals;
use crate::cli::table::{Table, safe};
use crate::export::preview::{Chosen, Decided, EntryPreview, EntryState, JobPreview, Rehearsed};
use crate::export::report::Problem;
use crate::host::counted::counted;
use crate::model::document::DocumentKind;

/// Type and text of a refusal.
type Cause = (&'static str, String);

/// What is kept of a job until its documents are shown.
pub(super) struct Text {
    output: Output,
    view: View,
    /// Whether nothing but what would fail is shown.
    is_quiet: bool,
    /// What is refused, by cause, each item with what a person knows it by.
    refused: BTreeMap<Cause, Vec<[String; 4]>>,
    booked: Vec<[String; 4]>,
    /// Whether a job was shown whose entries this one finds.
    is_later_job: bool,
}

impl Text {
    pub(super) fn new(output: Output, view: View, is_quiet: bool) -> Self {
        Self {
            output,
            view,
            is_quiet,
            refused: BTreeMap::new(),
            booked: Vec::new(),
            is_later_job: false,
        }
    }

    /// Supplier, date, amount and link.
    fn known_by(&self, entry: &EntryPreview) -> [String; 4] {
        let outcome = &entry.outcome;
        let or_entry = || format!("entry {}", outcome.entry_id);
        let amount = outcome.amount.map(|money| money.to_string());
        [
            outcome.supplier.clone().unwrap_or_else(or_entry),
            outcome
                .date
                .as_deref()
                .and_then(|date| self.view.day(date))
                .unwrap_or_default(),
            amount.unwrap_or_default(),
            outcome.link.clone().unwrap_or_default(),
        ]
    }

    fn table(&mut self, header: &[&str], rows: impl IntoIterator<Item = [String; 4]>) {
        let mut table = Table::new(header);
        for row in rows {
            table.row(&row.each_ref().map(String::as_str));
        }
        self.output.write(&table.render());
    }
}

impl Page for Text {
    fn begin(&mut self, chosen: &Chosen) {
        if self.is_quiet {
            return;
        }
        if let Some(job) = &chosen.blocked_by {
            self.output.write(&format!(
                "Job {} is in progress for another instance: until it is over, `poll` takes none.\n\n",
                job.id
            ));
        }
        if chosen.jobs.is_empty() {
            self.output.write("No export job waits in Pleo.\n");
        }
    }

    fn job(&mut self, preview: &JobPreview) {
        let (job, counts) = (&preview.job, &preview.counts);
        if self.is_quiet && counts.failed == 0 && preview.problem.is_none() {
            return;
        }
        let status = job.status.as_str().replace('_', " ");
        let text = if job.status.is_final() {
            format!(
                "Job {} is over ({status}): nothing would be booked. `pleo-export status --job {}` tells what became of it \
                 here.\n",
                job.id, job.id
            )
        } else if preview.problem.is_some() && counts.total == 0 {
            let items = counted(job.number_of_items, "item");
            format!("Job {} ({status}): {items}, none of them looked at\n", job.id)
        } else {
            let failed = counts.failed;
            let open = match counts.open {
                0 => String::new(),
                open => format!(", {open} not looked at"),
            };
            format!(
                "Job {} ({status}): {}, {} would be in the books, {failed} would fail{open}\n",
                job.id,
                counted(counts.total, "item"),
                counts.successful
            )
        };
        self.output.write(&as_typed(&text));
    }

    fn entry(&mut self, entry: &EntryPreview) {
        match entry.state {
            EntryState::New | EntryState::Booked if self.is_quiet => {}
            EntryState::New => {
                let text = documents(&entry.rehearsed);
                self.output.write(&text);
            }
            EntryState::Refused => {}
            EntryState::Booked => {
                let [supplier, date, amount, _] = self.known_by(entry);
                let number = entry.external_id().unwrap_or_default().to_owned();
                self.booked.push([number, date, amount, supplier]);
            }
        }
        if let Some(failure) = entry.failure() {
            let cause = (failure.failure_type().as_str(), failure.text());
            let known_by = self.known_by(entry);
            self.refused.entry(cause).or_default().push(known_by);
        }
    }

    fn job_end(&mut self, preview: &JobPreview, totals: &AccountTotals) {
        for ((failure_type, reason), items) in std::mem::take(&mut self.refused) {
            let count = counted(items.len(), "item");
            let line = format!("\nwould fail, {failure_type} ({count}): {}\n", safe(&reason));
            self.output.write(&line);
            self.table(&["supplier", "date", "amount", "link"], items);
        }
        if self.is_quiet {
            return;
        }
        let booked = std::mem::take(&mut self.booked);
        let is_later_job = std::mem::replace(&mut self.is_later_job, true);
        if !booked.is_empty() {
            let since = if is_later_job { "by then" } else { "already" };
            self.output.write(&format!("\nin the books {since}:\n"));
            self.table(&["number", "date", "amount", "supplier"], booked);
        }
        if !totals.is_empty() {
            self.output.write("\n");
            let mut table = Table::new(&["account", "currency", "amount"]);
            for ((account, currency), amount) in totals {
                table.row(&[account, currency.as_str(), &amount.to_string()]);
            }
            self.output.write(&table.render());
        }
        let known = totals::text_as(&preview.totals, "would open");
        if !known.is_empty() {
            self.output.write("\n");
            self.output.write(&known);
        }
        for decided in &self.view.decided {
            let what = match decided {
                Decided::Numbers => "the numbers of entries",
                Decided::Taxes => "taxes, by up to a hundredth a line,",
            };
            let line = format!("  {what} are decided by {} when it books\n", self.view.system);
            self.output.write(&line);
        }
    }

    fn end(self: Box<Self>, exit: Exit, _problem: Option<&Problem>) -> Exit {
        self.output.end(exit)
    }
}

/// The documents in the books' own notation, or as lines for people.
fn documents(rehearsed: &Rehearsed) -> String {
    if let Some(notation) = &rehearsed.notation {
        return safe(notation);
    }
    let mut text = String::new();
    for document in &rehearsed.documents {
        let (date, kind) = (document.date, kind(document.kind));
        let title = safe(&format!("{} / {}", document.payee, document.narration)).replace('\n', " ");
        let _ = writeln!(text, "\n{date} {kind}: {title}");
        let mut table = Table::new(&["account", "amount"]);
        for posting in &document.postings {
            table.row(&[
                &posting.account,
                &format!("{} {}", posting.amount, posting.currency),
            ]);
        }
        // Without its header: it would stand above every document.
        let table = table.render();
        text.push_str(table.split_once('\n').map_or("", |(_, rows)| rows));
    }
    text
}

const fn kind(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::JournalEntry => "journal entry",
        DocumentKind::VendorBill => "vendor bill",
        DocumentKind::CreditNote => "credit note",
        DocumentKind::BillPayment => "bill payment",
        DocumentKind::RefundReceipt => "refund receipt",
    }
}
