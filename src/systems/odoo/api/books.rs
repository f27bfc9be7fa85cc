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
    /// All records of a model that match, with these fields. What nothing can match is not asked for.
    pub(crate) fn search<T: DeserializeOwned>(
        self,
        model: &str,
        domain: Value,
        fields: &[&str],
    ) -> Result<Vec<T>, CallError> {
        if matches_nothing(&domain) {
            return Ok(Vec::new());
        }
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
        if documents.is_empty() {
            return Ok(HashMap::new());
        }
        self.call("account.move", "get_external_id", json!({ "ids": documents }))
    }

    fn in_company(self, mut arguments: Value) -> Value {
        if let Some(arguments) = arguments.as_object_mut() {
            arguments.insert("context".to_owned(), self.company.context());
        }
        arguments
    }
}

/// Whether one of the conditions, all of which must hold, wants one of no values.
fn matches_nothing(domain: &Value) -> bool {
    let conditions = domain.as_array().map_or(&[][..], Vec::as_slice);
    let wants_none = |condition: &Value| {
        let values = condition.get(2).and_then(Value::as_array);
        condition.get(1) == Some(&json!("in")) && values.is_some_and(Vec::is_empty)
    };
    conditions.iter().all(Value::is_array) && conditions.iter().any(wants_none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_no_values_matches_nothing_unless_there_is_a_choice() {
        for (domain, expected) in [
            (json!([["id", "in", []]]), true),
            (json!([["state", "=", "draft"], ["id", "in", []]]), true),
            (json!([["id", "in", [7]]]), false),
            (json!([["id", "not in", []]]), false),
            (json!(["|", ["id", "in", []], ["id", "=", 7]]), false),
            (json!([]), false),
        ] {
            assert_eq!(matches_nothing(&domain), expected, "{domain}");
        }
    }
}
