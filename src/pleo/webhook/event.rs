//! What a delivery is about. Pleo's page prints the event wrapped in `payload`, its schema prints it bare; the name of the
//! event is spelled in four ways there. All of them are read. A delivery that is Pleo's own but cannot be read is taken for
//! news: a poll too many does no harm.

use serde_json::Value;

use crate::host::foreign_text::one_line;
use crate::model::ids::CompanyId;

/// How much of a foreign name is shown.
const SHOWN_CHARACTERS: usize = 60;

/// What a delivery means for a company of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It has a new export job, or may have one.
    MayHaveAJob,
    /// It is about something else: which event, of which company, made for people.
    Else(String),
}

/// Reads the body of a delivery that was sent to `company`.
pub fn read(body: &[u8], company: &CompanyId) -> News {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return News::MayHaveAJob;
    };
    let event = value.get("payload").unwrap_or(&value);
    let event_type = event.get("eventType").and_then(Value::as_str);
    let of = event.pointer("/data/companyId").and_then(Value::as_str);
    if let Some(event_type) = event_type.filter(|event_type| !is_about_a_new_job(event_type)) {
        return News::Else(format!("the event {}", one_line(event_type, SHOWN_CHARACTERS)));
    }
    match of {
        Some(other) if !other.eq_ignore_ascii_case(company.as_str()) => {
            News::Else(format!("the company {}", one_line(other, SHOWN_CHARACTERS)))
        }
        _ => News::MayHaveAJob,
    }
}

/// `v1.export-job.created`, `v2.export-job.created`, `export-job.created` and `v1.export.job-created` are one event.
fn is_about_a_new_job(event_type: &str) -> bool {
    let name = match event_type.split_once('.') {
        Some((version, name)) if version.strip_prefix(['v', 'V']).is_some_and(is_number) => name,
        _ => event_type,
    };
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters
        .map(|letter| letter.to_ascii_lowercase())
        .eq("exportjobcreated".chars())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPANY: &str = "11111111-1111-4111-8111-11111111111a";

    fn news(body: &str) -> News {
        read(body.as_bytes(), &CompanyId::new(COMPANY.to_owned()))
    }

    #[test]
    fn an_event_is_read_bare_or_wrapped_and_however_it_is_spelled() {
        for event_type in [
            "v1.export-job.created",
            "v2.export-job.created",
            "export-job.created",
            "v1.export.job-created",
        ] {
            let event = format!(
                r#"{{"data":{{"id":"1","companyId":"{}"}},"eventId":"2","eventType":"{event_type}"}}"#,
                COMPANY.to_uppercase()
            );
            assert_eq!(news(&event), News::MayHaveAJob, "{event}");
            let wrapped = format!(r#"{{"webhook-id":"x","webhook-timestamp":1,"payload":{event}}}"#);
            assert_eq!(news(&wrapped), News::MayHaveAJob, "{wrapped}");
        }
    }

    #[test]
    fn other_events_and_companies_are_something_else() {
        for (body, about) in [
            (
                format!(r#"{{"data":{{"companyId":"{COMPANY}"}},"eventType":"v1.vendor.created"}}"#),
                "the event v1.vendor.created",
            ),
            (
                r#"{"payload":{"data":{"companyId":"other"},"eventType":"v1.export-job.created"}}"#
                    .to_owned(),
                "the company other",
            ),
            (
                r#"{"eventType":"v1.export-job.updated"}"#.to_owned(),
                "the event v1.export-job.updated",
            ),
        ] {
            assert_eq!(news(&body), News::Else(about.to_owned()), "{body}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_never_taken_for_nothing() {
        for body in [
            "",
            "{",
            "[]",
            "null",
            "{}",
            r#"{"payload":"x"}"#,
            r#"{"data":7,"eventType":7}"#,
        ] {
            assert_eq!(news(body), News::MayHaveAJob, "{body}");
        }
        assert_eq!(
            read(b"\xff\xfe", &CompanyId::new(COMPANY.to_owned())),
            News::MayHaveAJob
        );
    }
}
