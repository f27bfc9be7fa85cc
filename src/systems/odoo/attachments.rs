//! Receipts beside an entry, as Odoo's attachments of its first document. Each has an external id made of the entry
//! and the SHA-256 of its bytes, so the same content is there once, however often it is sent.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::Deserialize;
use serde_json::json;

use super::company::Company;
use super::documents::load_context;
use super::errors::{CallError, one_line};
use super::find::{self, Booked};
use super::key::external_id;
use super::payments::load;
use super::records::{Id, text};
use super::transport::Transport;
use crate::model::document::Receipt;
use crate::model::ids::AccountingEntryId;
use crate::model::verdict::ItemFailureType;
use crate::systems::{Attachment, SystemError};

/// Begins the description of our attachments; the SHA-256 follows.
const MARK: &str = "Pleo receipt, SHA-256 ";

/// Attaches what is not there yet, one answer for each entry.
pub(super) fn attach(
    transport: &mut Transport,
    company: &Company,
    largest: u64,
    entries: &[Attachment],
) -> Result<Vec<Result<(), SystemError>>, SystemError> {
    let booked = find::by_entry(transport, company, entries.iter().map(|entry| &entry.entry_id))?;
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
    let mut there = present(transport, company, &ids)?;
    Ok(entries
        .iter()
        .map(|entry| {
            let document = documents
                .get(&(&entry.entry_id, entry.booked.revision))
                .ok_or_else(|| SystemError::Unavailable {
                    reason: format!("{} is not in Odoo any more", entry.booked.external_id),
                })?;
            for receipt in &entry.receipts {
                if there.insert((document.id, receipt.sha256.clone())) {
                    send(transport, company, document, receipt, largest)?;
                }
            }
            Ok(())
        })
        .collect())
}

/// The receipts that are there: the document's id and the SHA-256 of each.
fn present(
    transport: &mut Transport,
    company: &Company,
    documents: &BTreeSet<Id>,
) -> Result<HashSet<(Id, String)>, CallError> {
    #[derive(Deserialize)]
    struct Record {
        res_id: Id,
        #[serde(deserialize_with = "text")]
        description: Option<String>,
    }
    if documents.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<Record> = transport.search(
        "ir.attachment",
        json!([
            ["res_model", "=", "account.move"],
            ["res_id", "in", documents],
            ["description", "=like", format!("{MARK}%")]
        ]),
        &["res_id", "description"],
        &company.context(),
    )?;
    Ok(found
        .into_iter()
        .filter_map(|record| Some((record.res_id, record.description?.strip_prefix(MARK)?.to_owned())))
        .collect())
}

fn send(
    transport: &mut Transport,
    company: &Company,
    document: &Booked,
    receipt: &Receipt,
    largest: u64,
) -> Result<(), SystemError> {
    let refused = |failure_type, reason| Err(SystemError::Rejected { failure_type, reason });
    let name = one_line(&receipt.file_name);
    if receipt.size > largest {
        return refused(
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
        base64(&content),
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
    let loaded = load(
        transport,
        "ir.attachment",
        &fields,
        &[row],
        &load_context(company),
    );
    match loaded.map_err(CallError::for_item)?.into_ids() {
        Ok(_) => Ok(()),
        Err(SystemError::Rejected { reason, .. }) => refused(
            ItemFailureType::ReceiptUploadFailure,
            format!("Receipt {name} could not be attached. {reason}"),
        ),
        Err(error) => Err(error),
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding, as Odoo reads it.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|index| u32::from(chunk.get(index).copied().unwrap_or(0)));
        let bits = a << 16 | b << 8 | c;
        for position in 0..4_usize {
            if position > chunk.len() {
                text.push('=');
            } else {
                let digit = (bits >> (18 - 6 * position)) & 63;
                // Six bits are always within the 64 digits.
                let digit = usize::try_from(digit).ok().and_then(|digit| DIGITS.get(digit));
                text.push(digit.map_or('=', |digit| char::from(*digit)));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_the_standard_one() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
