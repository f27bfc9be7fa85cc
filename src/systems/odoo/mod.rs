//! Odoo as an accounting system, over its external API: journal entries, vendor bills and credit notes with taxes
//! that Odoo computes, payments reconciled with their bills, receipts as attachments.
//!
//! Where to start reading: [`book`] drives a booking, [`documents`] says what is sent, [`verify`] what must come back,
//! [`find`] what counts as booked, [`key`] by what a document is known, [`stage`] in whose hands it is. Everything goes
//! through [`transport`]; what a refusal means is in [`errors`]. Odoo 19 and later alone.

mod attachments;
mod book;
mod booked;
mod check;
mod company;
mod documents;
mod drafting;
mod errors;
mod find;
mod invoices;
mod key;
mod kinds;
mod load;
mod partners;
mod payments;
mod posting;
mod rates;
mod records;
mod references;
mod reverse;
mod settle;
mod stage;
#[cfg(test)]
mod tests;
mod transport;
mod undo;
mod verify;

use std::time::Duration;

use secrecy::SecretString;

use crate::host::server_url::ServerUrl;
use crate::model::document::{PlannedItem, PostingState};
use crate::model::permit::Permit;
use crate::model::references::{References, Resolution};
use crate::model::reversal::{ReversalRequest, Reversed};
use crate::model::verdict::JobFailureType;
use crate::systems::{
    AccountingSystem, Attachment, AttachmentLimits, BookedEntry, Create, Description, Found, JobNeeds,
    ReversalError, SystemError, Wanted,
};

use company::Company;
use transport::Transport;

/// Which Odoo, and how it is used.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it answers.
    pub url: ServerUrl,
    /// The name of the database.
    pub database: String,
    /// The name of the company that is booked in, where it is said; it must be the user's default company.
    pub company: Option<String>,
    /// The key of an Odoo user; the user's default company is the one that is booked in.
    pub api_key: SecretString,
    /// Where each kind of document goes.
    pub journals: Journals,
    /// Whether vendors and employees that Odoo does not have are added.
    pub create_vendors: bool,
    /// Draft or final.
    pub posting: PostingState,
    /// How long one call may take.
    pub timeout: Duration,
    /// The largest receipt, in bytes.
    pub largest_attachment: u64,
}

/// The codes of the journals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journals {
    /// For journal entries: one of Odoo's type "general".
    pub general: String,
    /// For vendor bills and credit notes: one of the type "purchase".
    pub purchase: String,
    /// For payments: one of the type "bank", "cash" or "credit".
    pub payment: String,
}

/// An Odoo, for the length of one run.
#[derive(Debug)]
pub struct Odoo {
    settings: Settings,
    transport: Transport,
    /// Read once, by the check or by whatever comes first.
    company: Option<Company>,
    /// This process among those that may book the same entries.
    maker: String,
}

impl Odoo {
    /// Prepares the connection; nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, SystemError> {
        let transport = Transport::new(&settings).map_err(|error| SystemError::Fatal {
            failure_type: JobFailureType::InvalidConfiguration,
            reason: format!("the connection to Odoo cannot be prepared: {error}"),
        })?;
        Ok(Self {
            settings,
            transport,
            company: None,
            maker: format!("{:016x}", fastrand::u64(..)),
        })
    }

    fn company(&mut self) -> Result<Company, SystemError> {
        if let Some(company) = &self.company {
            return Ok(company.clone());
        }
        let company = Company::read(&mut self.transport, &self.settings)?;
        self.company = Some(company.clone());
        Ok(company)
    }
}

impl AccountingSystem for Odoo {
    fn describe(&self) -> Description {
        let database = format!("{} {}", self.settings.url, self.settings.database);
        let with_company = self
            .settings
            .company
            .as_ref()
            .map(|company| format!("{database}, company {company}"));
        Description {
            name: "Odoo".to_owned(),
            former_target: with_company.is_some().then(|| database.clone()),
            target: with_company.unwrap_or(database),
            create: Create::Unique,
            payables: true,
            keeps_vendors: true,
            attachments: Some(AttachmentLimits {
                largest: self.settings.largest_attachment,
            }),
            computes_tax: true,
        }
    }

    fn check(&mut self, job: &JobNeeds) -> Result<(), SystemError> {
        self.company = Some(check::check(&mut self.transport, &self.settings, job)?);
        Ok(())
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        let company = self.company()?;
        references::resolve(
            &mut self.transport,
            &company,
            self.settings.create_vendors,
            references,
        )
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        let company = self.company()?;
        find::find(
            &mut self.transport,
            &company,
            &self.settings.url,
            self.settings.posting,
            entries,
        )
    }

    fn book(
        &mut self,
        permit: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        let company = self.company()?;
        let mut transport = self.transport.under(permit);
        book::book(&mut transport, &company, &self.settings, &self.maker, items)
    }

    fn attach(
        &mut self,
        permit: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        let company = self.company()?;
        attachments::attach(
            &mut self.transport.under(permit),
            &company,
            self.settings.largest_attachment,
            entries,
        )
    }

    fn reverse(&mut self, request: &ReversalRequest) -> Result<Vec<Reversed>, ReversalError> {
        let company = self.company()?;
        reverse::reverse(&mut self.transport, &company, request)
    }
}
