//! The books of one company in Odoo: every call says in whose company it is made.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::company::Company;
use super::errors::CallError;
use super::records::Id;
use super::transport::Transport;

/// The way to the books of a company.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Books<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) company: &'a Company,
}

impl Books<'_> {
    /// All records of a model that match, with these fields.
    pub(crate) fn search<T: DeserializeOwned>(
        self,
        model: &str,
        domain: Value,
        fields: &[&str],
    ) -> Result<Vec<T>, CallError> {
        let context = &self.company.context();
        self.transport.search(model, domain, fields, context)
    }

    /// Calls a method that changes nothing.
    pub(crate) fn call<T: DeserializeOwned>(
        self,
        model: &str,
        method: &str,
        arguments: Value,
    ) -> Result<T, CallError> {
        self.transport.call(model, method, &self.in_company(arguments))
    }

    /// Calls a method that changes something, and does not look at its answer.
    pub(crate) fn write(self, model: &str, method: &str, arguments: Value) -> Result<(), CallError> {
        let arguments = self.in_company(arguments);
        self.transport.write::<Value>(model, method, &arguments).map(drop)
    }

    /// Calls a method of these records that changes something; none where there are none.
    pub(crate) fn act(self, model: &str, method: &str, ids: &[Id]) -> Result<(), CallError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.write(model, method, json!({ "ids": ids }))
    }

    /// The external ids of documents, by their ids as text.
    pub(crate) fn external_ids(self, documents: &[Id]) -> Result<HashMap<String, String>, CallError> {
        self.call("account.move", "get_external_id", json!({ "ids": documents }))
    }

    fn in_company(self, mut arguments: Value) -> Value {
        if let Some(arguments) = arguments.as_object_mut() {
            arguments.insert("context".to_owned(), self.company.context());
        }
        arguments
    }
}
