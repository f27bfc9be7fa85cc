//! Subscriptions to events. The contract's own samples give the event types once as a list and once as a bare text, so both
//! are read.

use secrecy::SecretString;
use serde_json::json;

use super::malformed::Malformed;
use super::reader::Field;

/// A subscription of this application, as Pleo lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Pleo's id.
    pub id: String,
    /// Where deliveries go.
    pub url: String,
    /// Of which events.
    pub events: Vec<String>,
    /// Whether it delivers at all.
    pub is_active: bool,
}

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

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn event_types_are_read_as_a_list_and_as_a_text() {
        for events in [r#"["v1.export-job.created"]"#, r#""v1.export-job.created""#] {
            let body = format!(
                r#"{{"data":{{"id":"1","endpointUrl":"https://example.com","eventTypes":{events},"status":"ACTIVE"}}}}"#
            );
            let subscription = one_subscription(&body).unwrap();
            assert_eq!(subscription.events, ["v1.export-job.created"]);
            assert!(subscription.is_active);
        }
        for events in ["null", "7", "[7]"] {
            let body = format!(
                r#"{{"data":{{"id":"1","endpointUrl":"x","eventTypes":{events},"status":"ACTIVE"}}}}"#
            );
            assert!(one_subscription(&body).is_err(), "{events}");
        }
    }

    #[test]
    fn a_secret_that_is_not_there_is_an_error() {
        let secret = subscription_secret(r#"{"data":{"secretKey":"whsec_AAAA"}}"#).unwrap();
        assert_eq!(secret.expose_secret(), "whsec_AAAA");
        for body in [
            "{}",
            r#"{"data":{}}"#,
            r#"{"data":{"secretKey":null}}"#,
            r#"{"data":{"secretKey":7}}"#,
        ] {
            assert!(subscription_secret(body).is_err(), "{body}");
        }
    }
}
