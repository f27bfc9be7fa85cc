//! What an item refers to in the books: accounting systems are asked for it before anything is planned.

use super::item_types::{CreditorKind, Row};
use super::role::Role;
use super::settings::{Settings, SystemTraits};
use super::taxes::{self, TaxSide};
use super::{accounts, invoices, item_types, method};
use crate::model::export_item::ExportItem;
use crate::model::references::{InvoiceKey, References};

/// What the item refers to in the books. Never fails: what cannot be planned has no references.
pub fn references(item: &ExportItem, settings: &Settings, system: &SystemTraits) -> References {
    let mut references = References::default();
    let Ok((row, _)) = item_types::row(item) else {
        return references;
    };
    for side in [row.debit, row.credit] {
        references
            .accounts
            .extend(accounts::key_of_side(side, item, settings));
    }
    if row.posts_lines() {
        line_references(item, settings, *system, &mut references);
    }
    if method::may_be_payables(item, row, settings, *system) {
        payables_references(item, row, settings, &mut references);
    }
    references.invoices.extend(invoice_of(item, settings, *system));
    references
}

/// The invoice that an item belongs to, where it may turn out to be a vendor's payable.
pub fn invoice_of(item: &ExportItem, settings: &Settings, system: SystemTraits) -> Option<InvoiceKey> {
    let (row, _) = item_types::row(item).ok()?;
    let is_vendors =
        row.creditor == Some(CreditorKind::Vendor) && method::may_be_payables(item, row, settings, system);
    invoices::key(item).filter(|_| is_vendors)
}

fn line_references(
    item: &ExportItem,
    settings: &Settings,
    system: SystemTraits,
    references: &mut References,
) {
    for line in &item.lines {
        if let Some(account) = &line.account {
            let key = accounts::key_of(account, accounts::purpose_of_lines(item), settings);
            references
                .accounts
                .extend(key.map(|key| (key, Some(account.name.clone()))));
        }
        references.tags.extend(line.tags.iter().cloned());
        let Some(tax) = &line.tax else { continue };
        if system.computes_tax {
            references.tax_codes.extend(taxes::code_in_books(tax, settings));
        } else {
            let keys =
                [TaxSide::Ingoing, TaxSide::Outgoing].map(|side| taxes::account_key(tax, side, settings));
            references
                .accounts
                .extend(keys.into_iter().flatten().map(|key| (key, None)));
        }
    }
}

fn payables_references(item: &ExportItem, row: Row, settings: &Settings, references: &mut References) {
    let claim = row
        .claim_side()
        .and_then(|side| accounts::key_of_side(side, item, settings));
    references.accounts.extend(claim);
    if row.creditor != Some(CreditorKind::Vendor) {
        return;
    }
    if let Some(key) = method::vendor_key(item) {
        let name = method::vendor_name(item).unwrap_or_default();
        references.vendors.insert(key, name.to_owned());
    }
    if invoices::key(item).is_some() {
        let rate_difference = accounts::key_of_role(Role::FxDifference, settings);
        references.accounts.extend(rate_difference.map(|key| (key, None)));
    }
}
