//! Odoo's import of rows, `load`: records with external ids of their own, all of them or none.

use serde::Deserialize;
use serde_json::{Value, json};

use super::books::Books;
use super::errors::{CallError, rejected_data};
use super::records::{Id, maybe};
use crate::systems::SystemError;

/// Makes the records that are not there yet, and answers the ids of all in the order of their rows. A record that exists
/// under its external id is left as it is, so loading again changes nothing, not even what a person has changed since.
pub(crate) fn load(
    books: Books<'_>,
    model: &str,
    fields: &[&str],
    rows: &[Vec<String>],
) -> Result<Vec<Id>, SystemError> {
    let context = json!({ "allowed_company_ids": [books.company.id], "mode": "update", "noupdate": true });
    call(books, model, fields, rows, &context)
}

/// Changes records that are there, each named by its id in the database: by an external one an empty record would be
/// made where a person has just deleted ours. Nothing of it is written into the history that people read.
pub(crate) fn change(
    books: Books<'_>,
    model: &str,
    fields: &[&str],
    rows: &[Vec<String>],
) -> Result<(), SystemError> {
    let context = json!({ "allowed_company_ids": [books.company.id], "tracking_disable": true });
    call(books, model, fields, rows, &context).map(|_| ())
}

fn call(
    books: Books<'_>,
    model: &str,
    fields: &[&str],
    rows: &[Vec<String>],
    context: &Value,
) -> Result<Vec<Id>, SystemError> {
    #[derive(Deserialize)]
    struct Answer {
        /// In the order of the rows; none when one was rejected, for then all are rolled back.
        #[serde(deserialize_with = "maybe")]
        ids: Option<Vec<Id>>,
        #[serde(default)]
        messages: Vec<Message>,
    }
    #[derive(Deserialize)]
    struct Message {
        #[serde(rename = "type", default)]
        kind: String,
        #[serde(default)]
        message: String,
    }
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let rows = json!({ "fields": fields, "data": rows, "context": context });
    let answer: Answer = books
        .transport
        .write(model, "load", &rows)
        .map_err(CallError::for_item)?;
    let first = answer.messages.iter().find(|message| message.kind == "error");
    let why = first.map_or("it does not say why", |first| first.message.as_str());
    answer.ids.ok_or_else(|| rejected_data(why))
}
