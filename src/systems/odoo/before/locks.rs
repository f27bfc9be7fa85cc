//! Until when Odoo's periods are closed.

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::json;

use crate::model::document::Document;
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::errors::CallError;
use crate::systems::odoo::api::records::day;

/// Until when periods are closed, inclusive, for the user of the API key (Odoo knows exceptions by user).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Locks {
    /// For everything.
    pub(crate) all: Option<NaiveDate>,
    /// For vendor bills and credit notes.
    pub(crate) purchases: Option<NaiveDate>,
    /// For documents with tax.
    pub(crate) taxes: Option<NaiveDate>,
}

impl Locks {
    pub(crate) fn read(books: Books<'_>) -> Result<Self, CallError> {
        #[derive(Deserialize)]
        struct Record {
            #[serde(rename = "user_fiscalyear_lock_date", deserialize_with = "day")]
            everything: Option<NaiveDate>,
            #[serde(rename = "user_hard_lock_date", deserialize_with = "day")]
            hard: Option<NaiveDate>,
            #[serde(rename = "user_purchase_lock_date", deserialize_with = "day")]
            purchases: Option<NaiveDate>,
            #[serde(rename = "user_tax_lock_date", deserialize_with = "day")]
            taxes: Option<NaiveDate>,
        }
        let fields = [
            "user_fiscalyear_lock_date",
            "user_hard_lock_date",
            "user_purchase_lock_date",
            "user_tax_lock_date",
        ];
        let domain = json!([["id", "=", books.company.id]]);
        let records: Vec<Record> = books.search("res.company", domain, &fields)?;
        let Some(record) = records.into_iter().next() else {
            return Err(CallError::Lost("it does not show the company any more".into()));
        };
        Ok(Self {
            all: record.everything.max(record.hard),
            purchases: record.purchases,
            taxes: record.taxes,
        })
    }

    /// The last closed day, where the document's posting date is closed.
    pub(crate) fn closes(&self, document: &Document) -> Option<NaiveDate> {
        let is_purchase = document.kind.is_bill();
        let has_tax = document
            .postings
            .iter()
            .filter_map(|posting| posting.tax.as_ref())
            .any(|tax| tax.reference.is_some());
        self.until(is_purchase, has_tax)
            .filter(|closed| document.posting_date <= *closed)
    }

    /// The last closed day for a kind of document.
    pub(crate) fn until(&self, is_purchase: bool, has_tax: bool) -> Option<NaiveDate> {
        let purchases = self.purchases.filter(|_| is_purchase);
        let taxes = self.taxes.filter(|_| has_tax);
        self.all.max(purchases).max(taxes)
    }
}
