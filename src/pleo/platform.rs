//! What Pleo's other APIs tell: where the application is installed, and that it is in use or not any more.

use super::transport::{Action, Request};
use super::wire::{self, Installation};
use super::{Client, PleoError};
use crate::model::ids::CompanyId;

impl Client {
    /// Where the application is installed; with a company, for a credential that serves several.
    pub fn installation(&self, company: Option<&CompanyId>) -> Result<Installation, PleoError> {
        let query: Vec<(&str, &str)> = company
            .map(|id| ("company_id", id.as_str()))
            .into_iter()
            .collect();
        let request = Request {
            action: Action::Read,
            segments: &["v1", "installations", "me"],
            query: &query,
        };
        let body = self.transport.send(&request)?;
        wire::installation(&body).map_err(|problem| request.contract(&problem))
    }

    /// Says that the set-up is done, and answers the installation as it is then.
    pub fn activate_installation(&self) -> Result<Installation, PleoError> {
        let request = change(
            Action::Create(String::new()),
            &["v1", "installations", "me:activate"],
        );
        let body = self.transport.send(&request)?;
        wire::installation(&body).map_err(|problem| request.contract(&problem))
    }

    /// Takes the installation away, and with it all consent: every token of ours is void then. One that is gone already
    /// is no error.
    pub fn remove_installation(&self) -> Result<(), PleoError> {
        match self
            .transport
            .send(&change(Action::Delete, &["v1", "installations", "me"]))
        {
            Err(PleoError::Refused { answer }) if answer.status == 404 => Ok(()),
            other => other.map(drop),
        }
    }
}

fn change<'a>(action: Action<'a>, segments: &'a [&'a str]) -> Request<'a> {
    Request {
        action,
        segments,
        query: &[],
    }
}
