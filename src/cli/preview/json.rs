//! One document, written as it comes.

use serde::Serialize;

use super::output::Output;
use super::page::{AccountTotals, Page, View};
use crate::cli::exit::Exit;
use crate::cli::render::totals::{
    OpenedDocument, RemarkDocument, TaxDocument, TotalsDocument, WalletDocument,
};
use crate::cli::render::{ErrorDocument, ItemsDocument, RefusalDocument};
use crate::export::preview::{
    Chosen, Decided, EntryPreview, EntryState, JobPreview, ReceiptState, RehearsedDocument,
};
use crate::export::report::Problem;
use crate::model::document::DocumentKind;

/// The document so far.
pub(super) struct Json {
    output: Output,
    view: View,
    has_jobs: bool,
    has_entries: bool,
}

impl Json {
    pub(super) fn new(output: Output, view: View) -> Self {
        Self {
            output,
            view,
            has_jobs: false,
            has_entries: false,
        }
    }

    fn value(&mut self, value: &impl Serialize) {
        // Plain structs of texts and numbers always serialise.
        let text = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
        self.output.write(&text);
    }

    /// The members of an object that is open, without its braces.
    fn members(&mut self, value: &impl Serialize) {
        let text = serde_json::to_string(value).unwrap_or_default();
        let inside = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        self.output.write(inside.unwrap_or_default());
    }
}

impl Page for Json {
    fn begin(&mut self, chosen: &Chosen) {
        self.output.write("{\"schema_version\":1,\"blocked_by\":");
        let blocked_by = chosen.blocked_by.as_ref().map(|job| BlockingDocument {
            id: job.id.to_string(),
            last_updated_at: job.last_updated_at.map(|at| at.to_rfc3339()),
        });
        self.value(&blocked_by);
        self.output.write(",\"jobs\":[");
    }

    fn job(&mut self, preview: &JobPreview) {
        self.output.write(if self.has_jobs { ",\n{" } else { "\n{" });
        self.has_jobs = true;
        self.has_entries = false;
        let head = HeadDocument {
            id: preview.job.id.to_string(),
            status: preview.job.status.as_str(),
            items: preview.counts.into(),
        };
        self.members(&head);
        self.output.write(",\"entries\":[");
    }

    fn entry(&mut self, entry: &EntryPreview) {
        self.output.write(if self.has_entries { ",\n" } else { "\n" });
        self.has_entries = true;
        let outcome = &entry.outcome;
        let knows_number = self.view.knows_numbers() || entry.state != EntryState::New;
        let document = EntryDocument {
            accounting_entry_id: outcome.entry_id.as_str(),
            supplier: outcome.supplier.as_deref(),
            date: outcome.date.as_deref().and_then(|date| self.view.day(date)),
            amount: outcome.amount.map(|money| money.amount.to_string()),
            currency: outcome.amount.map(|money| money.currency.to_string()),
            link: outcome.link.as_deref(),
            state: entry.state.as_str(),
            documents: entry
                .rehearsed
                .documents
                .iter()
                .map(DocumentDocument::from)
                .collect(),
            receipts: entry
                .rehearsed
                .receipts
                .iter()
                .map(|receipt| ReceiptDocument {
                    name: receipt.name.as_deref(),
                    state: receipt.state,
                })
                .collect(),
            failure_type: entry.failure().map(|failure| failure.failure_type().as_str()),
            reason: entry.failure().map(crate::model::verdict::Failure::text),
            external_id: entry.external_id().filter(|_| knows_number),
            notation: entry.rehearsed.notation.as_deref(),
        };
        self.value(&document);
    }

    fn job_end(&mut self, preview: &JobPreview, totals: &AccountTotals) {
        self.output.write("],");
        let known = TotalsDocument::from(&preview.totals);
        let end = EndDocument {
            refusals: preview
                .totals
                .refusals
                .iter()
                .map(RefusalDocument::from)
                .collect(),
            opens: known.opened,
            totals: totals
                .iter()
                .map(|((account, currency), amount)| WalletDocument {
                    account: account.clone(),
                    currency: currency.to_string(),
                    amount: amount.to_string(),
                })
                .collect(),
            wallet: known.wallet,
            taxes: known.taxes,
            remarks: known.remarks,
            notices: known.notices,
            decided_when_booking: self.view.decided.clone(),
            problem: preview.problem.as_ref().map(ErrorDocument::from),
        };
        self.members(&end);
        self.output.write("}");
    }

    fn end(mut self: Box<Self>, exit: Exit, problem: Option<&Problem>) -> Exit {
        self.output
            .write(&format!("],\"exit_code\":{},\"error\":", exit.code()));
        self.value(&problem.filter(|_| exit != Exit::Done).map(ErrorDocument::from));
        self.output.write("}\n");
        self.output.end(exit)
    }
}

#[derive(Serialize)]
struct BlockingDocument {
    id: String,
    #[serde(rename = "lastUpdatedAt")]
    last_updated_at: Option<String>,
}

#[derive(Serialize)]
struct HeadDocument<'a> {
    id: String,
    status: &'a str,
    items: ItemsDocument,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryDocument<'a> {
    accounting_entry_id: &'a str,
    supplier: Option<&'a str>,
    date: Option<String>,
    amount: Option<String>,
    currency: Option<String>,
    link: Option<&'a str>,
    state: &'static str,
    documents: Vec<DocumentDocument<'a>>,
    receipts: Vec<ReceiptDocument<'a>>,
    #[serde(rename = "type")]
    failure_type: Option<&'static str>,
    reason: Option<String>,
    external_id: Option<&'a str>,
    notation: Option<&'a str>,
}

#[derive(Serialize)]
struct DocumentDocument<'a> {
    kind: DocumentKind,
    date: String,
    payee: Option<&'a str>,
    narration: &'a str,
    postings: Vec<PostingDocument<'a>>,
}

#[derive(Serialize)]
struct PostingDocument<'a> {
    account: &'a str,
    amount: String,
    currency: String,
}

#[derive(Serialize)]
struct ReceiptDocument<'a> {
    name: Option<&'a str>,
    state: ReceiptState,
}

#[derive(Serialize)]
struct EndDocument {
    refusals: Vec<RefusalDocument>,
    opens: Vec<OpenedDocument>,
    totals: Vec<WalletDocument>,
    wallet: Vec<WalletDocument>,
    taxes: Vec<TaxDocument>,
    remarks: Vec<RemarkDocument>,
    notices: Vec<String>,
    decided_when_booking: Vec<Decided>,
    problem: Option<ErrorDocument>,
}

impl<'a> From<&'a RehearsedDocument> for DocumentDocument<'a> {
    fn from(document: &'a RehearsedDocument) -> Self {
        let postings = document.postings.iter().map(|posting| PostingDocument {
            account: &posting.account,
            amount: posting.amount.to_string(),
            currency: posting.currency.to_string(),
        });
        Self {
            kind: document.kind,
            date: document.date.to_string(),
            payee: Some(&document.payee),
            narration: &document.narration,
            postings: postings.collect(),
        }
    }
}
