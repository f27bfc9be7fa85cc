//! Receipts beside an entry, as Odoo's attachments of its first document. Each has an external id made of the entry
//! and the SHA-256 of its bytes, so the same content is there once, however often it is sent.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::api::books::Books;
use super::api::errors::{CallError, one_line};
use super::api::load::load;
use super::api::records::{Id, text};
use super::document::booked::{self, Booked};
use super::document::key::external_id;
use crate::model::document::Receipt;
use crate::model::ids::AccountingEntryId;
use crate::model::permit::Permit;
use crate::model::verdict::ItemFailureType;
use crate::systems::{Attachment, SystemError};

/// Begins the description of our attachments; the SHA-256 follows.
const MARK: &str = "Pleo receipt, SHA-256 ";

/// Attaches what is not there yet, one answer for each entry.
pub(super) fn attach(
    books: Books<'_>,
    permit: &Permit,
    largest: u64,
    entries: &[Attachment],
) -> Result<Vec<Result<(), SystemError>>, SystemError> {
    let booked = booked::by_entry(books, entries.iter().map(|entry| &entry.entry_id))?;
    let mut documents: HashMap<(&AccountingEntryId, u32), &Booked> = HashMap::new();
    for document in &booked {
        let first = documents
            .entry((&document.key.entry, document.key.revision))
            .or_insert(document);
        if document.key.part < first.key.part {
            *first = document;
        }
    }
    let ids: BTreeSet<Id> = documents.values().map(|document| document.id).collect();
    let mut there = present(books, &ids)?;
    Ok(entries
        .iter()
        .enumerate()
        .map(|(before, entry)| {
            if before > 0 && permit.is_over(Instant::now()) {
                return Err(SystemError::put_off());
            }
            let document = documents
                .get(&(&entry.entry_id, entry.booked.revision))
                .ok_or_else(|| SystemError::Unavailable {
                    reason: format!("{} is not in Odoo any more", entry.booked.external_id),
                })?;
            for receipt in &entry.receipts {
                if there.insert((document.id, receipt.sha256.clone())) {
                    send(books, document, receipt, largest)?;
                }
            }
            Ok(())
        })
        .collect())
}

/// The receipts that are there: the document's id and the SHA-256 of each.
fn present(books: Books<'_>, documents: &BTreeSet<Id>) -> Result<HashSet<(Id, String)>, CallError> {
    #[derive(Deserialize)]
    struct Record {
        res_id: Id,
        #[serde(deserialize_with = "text")]
        description: Option<String>,
    }
    if documents.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<Record> = books.search(
        "ir.attachment",
        json!([
            ["res_model", "=", "account.move"],
            ["res_id", "in", documents],
            ["description", "=like", format!("{MARK}%")]
        ]),
        &["res_id", "description"],
    )?;
    Ok(found
        .into_iter()
        .filter_map(|record| Some((record.res_id, record.description?.strip_prefix(MARK)?.to_owned())))
        .collect())
}

fn send(books: Books<'_>, document: &Booked, receipt: &Receipt, largest: u64) -> Result<(), SystemError> {
    let rejected = |failure_type, reason| Err(SystemError::Rejected { failure_type, reason });
    let name = one_line(&receipt.file_name);
    if receipt.size > largest {
        return rejected(
            ItemFailureType::ReceiptFileSizeLimitExceeded,
            format!(
                "Receipt {name} has {} bytes, Odoo takes at most {largest}: attach a smaller one in Odoo by hand.",
                receipt.size
            ),
        );
    }
    let Ok(content) = std::fs::read(&receipt.path) else {
        return Err(SystemError::Unavailable {
            reason: format!("receipt {name} is not at {} any more", receipt.path.display()),
        });
    };
    let row = vec![
        external_id(&["receipt", &document.id.to_string(), &receipt.sha256]),
        receipt.file_name.clone(),
        "account.move".to_owned(),
        document.id.to_string(),
        receipt.media_type.clone(),
        STANDARD.encode(&content),
        format!("{MARK}{}", receipt.sha256),
    ];
    let fields = [
        "id",
        "name",
        "res_model",
        "res_id",
        "mimetype",
        "datas",
        "description",
    ];
    match load(books, "ir.attachment", &fields, &[row]) {
        Ok(_) => Ok(()),
        Err(SystemError::Rejected { reason, .. }) => rejected(
            ItemFailureType::ReceiptUploadFailure,
            format!("Receipt {name} could not be attached. {reason}"),
        ),
        Err(error) => Err(error),
    }
}
