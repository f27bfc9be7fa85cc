//! Reading the answers of Pleo's other APIs. Nothing is booked by them, so they are read tolerantly: what says nothing
//! that can be read is left out.

use super::Malformed;
use super::reader::{Field, Object};
use crate::model::foreign_text::one_line;
use crate::model::ids::CompanyId;

/// The longest word that is kept, in characters.
const LONGEST_WORD: usize = 200;

/// What a credential was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One company.
    Company(CompanyId),
    /// Something larger, such as an organisation, by its URN.
    Other(String),
}

impl Subject {
    /// The company id is the last part of `urn:pleo:company:<uuid>`.
    fn of(urn: &str) -> Self {
        let company = urn
            .rsplit_once(':')
            .filter(|(kind, _)| kind.to_ascii_lowercase().ends_with(":company"));
        let company = company.and_then(|(_, id)| id.parse().ok());
        company.map_or_else(|| Self::Other(urn.to_owned()), Self::Company)
    }
}

/// Where an application is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// For whom.
    pub resource: Option<Subject>,
    /// `ACTIVATED` where it is in use; other words may follow.
    pub status: Option<String>,
    /// Why it is not.
    pub error_code: Option<String>,
}

/// The answer is not wrapped in `data`.
pub(in crate::pleo) fn installation(body: &str) -> Result<Installation, Malformed> {
    let body = Field::root(body).object()?;
    Ok(Installation {
        resource: word(&body, "resource").map(|urn| Subject::of(&urn)),
        status: word(&body, "status"),
        error_code: word(&body, "errorCode"),
    })
}

/// A text for people, made harmless.
fn word(object: &Object<'_>, name: &str) -> Option<String> {
    object.words(name).map(|text| one_line(&text, LONGEST_WORD))
}
