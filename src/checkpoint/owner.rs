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

impl Owner {
    /// Whether a checkpoint is this owner's that was found to be `found`'s; the books may stand there by a former name.
    pub(super) fn has(&self, found: &Self, former_target: Option<&str>) -> bool {
        let is_renamed = former_target == Some(found.target.as_str());
        let is_unsaid = found.target.is_empty() || self.target.is_empty();
        found.company_id == self.company_id
            && found.pleo_host == self.pleo_host
            && (found.target == self.target || is_renamed || is_unsaid)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "company {} at {}", self.company_id, self.pleo_host)?;
        if self.target.is_empty() {
            return Ok(());
        }
        write!(f, " with the books {}", self.target)
    }
}
