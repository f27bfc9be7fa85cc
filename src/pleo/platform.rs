//! What Pleo's other APIs tell: what a credential is and whose, and what Pleo knows of a company's accounts and taxes.
//! All of it only reads, but for the installation, which a login activates and a logout may remove.

use super::pages::List;
use super::request::{Action, Request};
use super::wire::{self, Installation, Introspection, KnownAccount, KnownTax};
use super::{Client, PleoError};
use crate::model::ids::CompanyId;

impl Client {
    /// What the credential is and what it may do.
    pub fn introspection(&self) -> Result<Introspection, PleoError> {
        let request = Request::reading(&["v1", "introspect"], &[]);
        self.transport().read(&request, wire::introspection)
    }

    /// Where the application is installed; with a company, for a credential that serves several.
    pub fn installation(&self, company: Option<&CompanyId>) -> Result<Installation, PleoError> {
        let query: Vec<(&str, &str)> = company
            .map(|id| ("company_id", id.as_str()))
            .into_iter()
            .collect();
        let request = Request::reading(&["v1", "installations", "me"], &query);
        self.transport().read(&request, wire::installation)
    }

    /// Says that the set-up is done, and answers the installation as it is then.
    pub fn activate_installation(&self) -> Result<Installation, PleoError> {
        let request = Request {
            action: Action::Create(String::new()),
            segments: &["v1", "installations", "me:activate"],
            query: &[],
        };
        self.transport().read(&request, wire::installation)
    }

    /// Takes the installation away, and with it all consent: every token of ours is void then. One that is gone already
    /// is no error.
    pub fn remove_installation(&self) -> Result<(), PleoError> {
        let request = Request {
            action: Action::Delete,
            segments: &["v1", "installations", "me"],
            query: &[],
        };
        match self.transport().send(&request) {
            Err(PleoError::Rejected { answer }) if answer.status == 404 => Ok(()),
            other => other.map(drop),
        }
    }

    /// The accounts that Pleo knows for our company, archived ones too. Those that stand for a wallet can be left out.
    pub fn known_accounts(&self, with_wallets: bool) -> Result<Vec<KnownAccount>, PleoError> {
        let search = wire::account_search(self.company_id(), !with_wallets);
        let list = List::searched(&["v1", "chart-of-accounts:search"], &[], search);
        self.transport().all(&list, wire::known_account)
    }

    /// The tax codes that Pleo knows for our company, archived ones too.
    pub fn known_taxes(&self) -> Result<Vec<KnownTax>, PleoError> {
        let filter = [("company_id", self.company_id().as_str())];
        let list = List::searched(&["v0", "tax-codes:search"], &filter, "{}".to_owned());
        self.transport().all(&list, wire::known_tax)
    }
}
