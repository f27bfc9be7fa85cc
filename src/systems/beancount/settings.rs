//! What the configuration says about plain text books.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::text;
use crate::model::ids::CompanyId;

/// What the configuration says about these books.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where they lie. Made when absent.
    pub directory: PathBuf,
    /// The file that a person opens, where it is not `main.beancount` in the directory. It includes what we write.
    pub ledger: Option<PathBuf>,
    /// The company on Pleo whose books they are.
    pub company_id: CompanyId,
    /// Where a Fava shows them (`http://localhost:5000/books`), for links to entries.
    pub fava_url: Option<String>,
    /// What to do with account codes that no configuration names.
    pub unknown_accounts: UnknownAccounts,
    /// Every account that the configuration names; opened in new books.
    pub configured_accounts: Vec<String>,
    /// Accounts behind roles that the configuration leaves to us, by beancount's own names of the five kinds; opened
    /// in new books by the names that the ledger has for these.
    pub default_accounts: Vec<String>,
    /// Pleo's account code (or identifier) → account of the books.
    pub account_map: BTreeMap<String, String>,
    /// Pleo's tax code → the accounts that the configuration names for it.
    pub tax_accounts: BTreeMap<String, TaxAccounts>,
}

/// The accounts of a tax, as far as the configuration names them.
#[derive(Clone, Debug, Default)]
pub struct TaxAccounts {
    /// Where tax stands that may be deducted.
    pub input: Option<String>,
    /// Where tax stands that is owed under reverse charge.
    pub output: Option<String>,
}

/// What to do with account codes that no configuration names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownAccounts {
    /// Open an account for each.
    Open,
    /// Refuse them, unless the books have an account of that code or name.
    Fail,
}

/// Why a name from the settings cannot be an account of any books, if it cannot.
pub fn account_name_problem(name: &str) -> Option<&'static str> {
    (!text::is_account_name(name)).then_some(
        "an account begins with Assets, Liabilities, Equity, Income or Expenses (or what the ledger calls these), and \
         each part after a colon with a capital letter or digit",
    )
}
