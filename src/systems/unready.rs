//! What stands in for an accounting system that could not be started.

use super::{
    AccountingSystem, Attachment, AttachmentLimits, BookedEntry, Create, Description, Found, JobNeeds,
    SystemError, TakingBack, Wanted,
};
use crate::model::document::PlannedItem;
use crate::model::permit::Permit;
use crate::model::references::{References, Resolution};

/// Answers every question with the reason why the system could not be started, and books nothing. So a run can still look
/// what waits in Pleo, and fail with that reason what can wait no longer.
#[derive(Debug)]
pub struct Unready {
    error: SystemError,
}

impl Unready {
    /// Stands in for a system of which this came when it was started.
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
