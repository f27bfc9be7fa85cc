//! What the configuration and the accounting system say about how expenses become documents.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::role::Role;
use crate::model::document::PostingState;

/// How the company keeps its books: the configuration of [`bookkeeping`](super).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Draft or final.
    pub posting: PostingState,
    /// Until when the books are closed, inclusive, for systems without a lock date of their own.
    pub closed_until: Option<NaiveDate>,
    /// What becomes of items dated in a closed period.
    pub closed_periods: ClosedPeriods,
    /// The zone whose calendar the books follow.
    pub time_zone: chrono_tz::Tz,
    /// What becomes of a bill that is there already.
    pub duplicate_invoices: DuplicateInvoices,
    /// The codes of suppliers that are vendors, for systems without a register of vendors.
    pub vendor_codes: BTreeSet<String>,
    /// The accounts of the roles that a person set, in the accounting system's own way.
    pub roles: BTreeMap<Role, String>,
    /// The accounts of roles that nobody set, where the accounting system has such defaults.
    pub role_defaults: BTreeMap<Role, String>,
    /// Pleo's account code (or identifier) → account of the books.
    pub map: BTreeMap<String, String>,
    /// Rules by Pleo's tax code; they beat the payload.
    pub taxes: BTreeMap<String, TaxRule>,
}

impl Settings {
    /// The roles without an account, as far as the system has a use for them.
    pub fn unset_roles(&self, computes_tax: bool) -> Vec<Role> {
        let has_account = |role| self.roles.contains_key(role) || self.role_defaults.contains_key(role);
        let needed = Role::ALL
            .iter()
            .filter(|role| !computes_tax || !role.is_for_tax());
        needed.filter(|role| !has_account(role)).copied().collect()
    }
}

/// What becomes of items dated in a closed period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClosedPeriods {
    /// They are refused.
    #[default]
    Fail,
    /// They are booked on the first open day.
    NextOpen,
    /// They are booked on the day of the run.
    Today,
}

/// What becomes of a bill or credit note that is there already. One that moved the wallet is booked all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateInvoices {
    /// It is refused.
    #[default]
    Fail,
    /// It is booked with a remark.
    Warn,
}

/// How one of Pleo's tax codes is booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxRule {
    /// Account of the tax that may be deducted.
    pub account: Option<String>,
    /// Account of the tax that is owed under reverse charge.
    pub outgoing_account: Option<String>,
    /// Share of the tax that may be deducted, in millionths; the rest stays on the cost.
    pub deductible_millionths: i64,
    /// The accounting system's own code.
    pub code: Option<String>,
}

impl Default for TaxRule {
    /// All of the tax may be deducted.
    fn default() -> Self {
        Self {
            account: None,
            outgoing_account: None,
            deductible_millionths: 1_000_000,
            code: None,
        }
    }
}

/// What the accounting system can do, as far as it changes a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemTraits {
    /// It takes vendor bills and payments.
    pub payables: bool,
    /// It computes tax itself: tax codes must exist there, tax accounts need not.
    pub computes_tax: bool,
    /// It has a register of vendors, which says who is one. Elsewhere it is who is tagged in Pleo or named in the
    /// settings.
    pub keeps_vendors: bool,
}
