//! The accounting system in place of one that could not be begun with.

use super::{
    AccountingSystem, Attachment, AttachmentLimits, BookedEntry, Create, Description, Found, JobNeeds,
    SystemError, TakingBack, Wanted,
};
use crate::model::document::PlannedItem;
use crate::model::permit::Permit;
use crate::model::references::{References, Resolution};

/// Answers whatever it is asked with why it could not be begun with, and books nothing. With it a run learns what waits
/// in Pleo, and what is late is failed with that reason.
#[derive(Debug)]
pub struct Unready {
    error: SystemError,
}

impl Unready {
    /// In place of a system that answered this when it was begun with.
    pub const fn new(error: SystemError) -> Self {
        Self { error }
    }

    fn refuse<T>(&self) -> Result<T, SystemError> {
        Err(self.error.clone())
    }
}

impl AccountingSystem for Unready {
    fn describe(&self) -> Description {
        Description {
            name: "The accounting system".to_owned(),
            // Only the system itself could say.
            target: String::new(),
            former_target: None,
            create: Create::Search,
            payables: true,
            keeps_vendors: false,
            attachments: Some(AttachmentLimits { largest: 0 }),
            computes_tax: false,
            taking_back: TakingBack::OnRequest,
        }
    }

    fn ready(&mut self) -> Result<(), SystemError> {
        self.refuse()
    }

    fn check(&mut self, _job: &JobNeeds) -> Result<(), SystemError> {
        self.refuse()
    }

    fn resolve(&mut self, _references: &References) -> Result<Resolution, SystemError> {
        self.refuse()
    }

    fn find(&mut self, _entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        self.refuse()
    }

    fn book(
        &mut self,
        _permit: &Permit,
        _items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        self.refuse()
    }

    fn attach(
        &mut self,
        _permit: &Permit,
        _entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        self.refuse()
    }
}
