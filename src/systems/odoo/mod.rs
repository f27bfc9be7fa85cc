//! Odoo as an accounting system, over its external API: journal entries, vendor bills and credit notes with taxes
//! that Odoo computes, payments reconciled with their bills, receipts as attachments.
//!
//! Where to start reading: [`booking::script`] drives a booking, [`document::rows`] says what is sent,
//! [`booking::verify`] what must come back, [`find`] what counts as booked, [`document::key`] by what a document is known,
//! [`booking::stage`] in whose hands it is. Everything goes through [`api::transport`]; what a rejection means is in
//! [`api::errors`]. Odoo 19 and later alone.

mod api;
mod attach;
mod before;
mod booking;
mod document;
mod find;
mod reverse;
mod settings;
#[cfg(test)]
mod tests;

use crate::model::document::PlannedItem;
use crate::model::permit::Permit;
use crate::model::references::{References, Resolution};
use crate::model::reversal::{ReversalRequest, Reversed};
use crate::model::verdict::JobFailureType;
use crate::systems::{
    AccountingSystem, Attachment, AttachmentLimits, BookedEntry, Create, Description, Found, JobNeeds,
    ReversalError, SystemError, TakingBack, Wanted,
};

pub use settings::{Journals, Settings};

use api::books::Books;
use api::company::Company;
use api::transport::Transport;
use before::{check, references};
use booking::script;

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

    /// Without a permit: for reading, and for a person who takes entries back.
    fn books<'a>(&'a self, company: &'a Company) -> Books<'a> {
        Books {
            transport: &self.transport,
            company,
        }
    }

    fn company(&mut self) -> Result<Company, SystemError> {
        if let Some(company) = &self.company {
            return Ok(company.clone());
        }
        let company = Company::read(&self.transport, &self.settings)?;
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
            taking_back: TakingBack::OnRequest,
        }
    }

    fn ready(&mut self) -> Result<(), SystemError> {
        Ok(self.transport.greet()?)
    }

    fn check(&mut self, job: &JobNeeds) -> Result<(), SystemError> {
        self.company = Some(check::check(&self.transport, &self.settings, job)?);
        Ok(())
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        let company = self.company()?;
        references::resolve(self.books(&company), self.settings.create_vendors, references)
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        let company = self.company()?;
        find::find(
            self.books(&company),
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
        let books = Books {
            transport: &self.transport.under(permit),
            company: &company,
        };
        script::book(books, &self.settings, &self.maker, items)
    }

    fn attach(
        &mut self,
        permit: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        let company = self.company()?;
        let books = Books {
            transport: &self.transport.under(permit),
            company: &company,
        };
        attach::attach(books, permit, self.settings.largest_attachment, entries)
    }

    fn reverse(&mut self, request: &ReversalRequest) -> Result<Vec<Reversed>, ReversalError> {
        let company = self.company()?;
        reverse::reverse(self.books(&company), request)
    }
}
