//! Subscriptions to events. The contract's own samples give the event types once as a list and once as a bare text, so both
//! are read.

use secrecy::SecretString;
use serde_json::json;

use super::Malformed;
use super::reader::Field;
use crate::pleo::Subscription;

pub(in crate::pleo) fn subscription(subscription: &Field<'_>) -> Result<Subscription, Malformed> {
    let subscription = subscription.object()?;
    let events = subscription.required("eventTypes")?;
    Ok(Subscription {
        id: subscription.identifier("id")?,
        url: subscription.required("endpointUrl")?.text()?,
        events: match events.text() {
            Ok(event) => vec![event],
            Err(_) => events
                .array()?
                .iter()
                .map(Field::text)
                .collect::<Result<_, _>>()?,
        },
        is_active: subscription
            .required("status")?
            .text()?
            .eq_ignore_ascii_case("ACTIVE"),
    })
}

/// The body of the answer about one subscription.
pub(in crate::pleo) fn one_subscription(body: &str) -> Result<Subscription, Malformed> {
    subscription(&Field::root(body).object()?.required("data")?)
}

/// The secret as Pleo writes it: `whsec_` and the base64 of the key.
pub(in crate::pleo) fn subscription_secret(body: &str) -> Result<SecretString, Malformed> {
    let data = Field::root(body).object()?.required("data")?.object()?;
    Ok(SecretString::from(data.required("secretKey")?.text()?))
}

/// The body that asks for a new subscription.
pub(in crate::pleo) fn subscription_body(url: &str, event: &str) -> String {
    json!({ "endpointUrl": url, "eventTypes": [event], "status": "ACTIVE" }).to_string()
}
