//! Whose checkpoint it is.

use std::fmt;

use crate::model::ids::CompanyId;

/// Whose checkpoint it is. Bound by the first job that is started, and compared ever after: until then a mistyped
/// setting has bound nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The company on Pleo.
    pub company_id: CompanyId,
    /// The host of Pleo's API: staging and production know different jobs.
    pub pleo_host: String,
    /// The books, as the accounting system describes them; empty where it could not be asked, which fits any books.
    pub target: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "company {} at {} with the books {}",
            self.company_id, self.pleo_host, self.target
        )
    }
}
