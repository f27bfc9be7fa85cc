//! Subscriptions: where Pleo says of each new export job that it is there.

use secrecy::SecretString;

use super::error::PleoError;
use super::pages::List;
use super::request::{Action, Request};
use super::wire::Subscription;
use super::{Client, wire};

/// The event that an export job is there to be worked on.
pub const EXPORT_JOB_CREATED: &str = "v1.export-job.created";

impl Client {
    /// All subscriptions of this application, in Pleo's order.
    pub fn subscriptions(&self) -> Result<Vec<Subscription>, PleoError> {
        self.transport()
            .all(&List::new(&["v1", "subscriptions"], &[]), wire::subscription)
    }

    /// Subscribes an address to new export jobs.
    ///
    /// # Errors
    /// [`PleoError::LostAnswer`] where the subscription may have been made: the list tells.
    pub fn subscribe(&self, url: &str) -> Result<Subscription, PleoError> {
        let request = Request {
            action: Action::Create(wire::subscription_body(url, EXPORT_JOB_CREATED)),
            segments: &["v1", "subscriptions"],
            query: &[],
        };
        self.transport().read(&request, wire::one_subscription)
    }

    /// The secret that signs the deliveries of a subscription, as Pleo writes it.
    pub fn subscription_secret(&self, id: &str) -> Result<SecretString, PleoError> {
        let segments = ["v1", "subscriptions", id, "secret"];
        let request = Request::reading(&segments, &[]);
        self.transport().read(&request, wire::subscription_secret)
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// An answer of 404 where Pleo has none of this id.
    pub fn unsubscribe(&self, id: &str) -> Result<(), PleoError> {
        let request = Request {
            action: Action::Delete,
            segments: &["v1", "subscriptions", id],
            query: &[],
        };
        self.transport().send(&request).map(drop)
    }
}
