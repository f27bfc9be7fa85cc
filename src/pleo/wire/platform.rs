//! Reading the answers of Pleo's other APIs. Nothing is booked by them, so they are read tolerantly: what says nothing
//! that can be read is left out.

use super::Malformed;
use super::reader::{Field, Object};
use crate::host::foreign_text::one_line;
use crate::model::export_item::{AccountReference, Tax, TaxType};
use crate::model::ids::CompanyId;
use crate::model::money::Amount;

/// The longest word that is kept, in characters.
const LONGEST_WORD: usize = 200;

/// What Pleo says of the credential that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introspection {
    /// `OAUTH2`, `API_KEY` or `NONE`; other words may follow.
    pub method: Option<String>,
    /// The name of the application.
    pub application: Option<String>,
    /// What it may do; `None` where Pleo does not say.
    pub scopes: Option<Vec<String>>,
    /// What it was made for.
    pub subject: Option<Subject>,
}

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
    /// Why it is not in use.
    pub error_code: Option<String>,
}

/// An account that Pleo knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAccount {
    /// As the lines of an expense would name it.
    pub reference: AccountReference,
    /// Whether nobody is offered it any more.
    pub is_archived: bool,
}

/// A tax code that Pleo knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTax {
    /// As the lines of an expense would name it, with an amount of nothing.
    pub tax: Tax,
    /// What it is called in Pleo.
    pub name: String,
    /// Whether nobody is offered it any more.
    pub is_archived: bool,
}

pub(in crate::pleo) fn introspection(body: &str) -> Result<Introspection, Malformed> {
    let data = Field::root(body).object()?.required("data")?.object()?;
    // Each is cut by itself: a long list of them ends with what is looked for as well as a short one.
    let scopes = data.words("scope").map(|scopes| {
        let words = scopes.split(|sign: char| sign.is_whitespace() || sign == ',');
        let words = words.filter(|word| !word.is_empty());
        words.map(|word| one_line(word, LONGEST_WORD)).collect()
    });
    Ok(Introspection {
        method: word(&data, "authMethod"),
        application: word(&data, "applicationName"),
        scopes,
        subject: word(&data, "subjectURN").map(|urn| Subject::of(&urn)),
    })
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

pub(in crate::pleo) fn known_account(account: &Field<'_>) -> Result<KnownAccount, Malformed> {
    let account = account.object()?;
    Ok(KnownAccount {
        reference: AccountReference {
            code: account.optional_code("code")?,
            identifier: account.optional_code("externalId")?,
            name: word(&account, "name").unwrap_or_default(),
        },
        is_archived: flag(&account, "archived"),
    })
}

pub(in crate::pleo) fn known_tax(tax: &Field<'_>) -> Result<KnownTax, Malformed> {
    let tax = tax.object()?;
    Ok(KnownTax {
        tax: Tax {
            code: tax.optional_code("code")?,
            rate: tax
                .field("rate")
                .map_or_else(String::new, |rate| rate.json().to_owned()),
            rate_millionths: None,
            tax_type: TaxType::from_wire(&word(&tax, "type").unwrap_or_default()),
            amount: Amount::ZERO,
            ingoing_account: tax.optional_code("ingoingTaxAccount")?,
            outgoing_account: tax.optional_code("outgoingTaxAccount")?,
        },
        name: word(&tax, "name").unwrap_or_default(),
        is_archived: flag(&tax, "archived"),
    })
}

/// A text for people, made harmless.
fn word(object: &Object<'_>, name: &str) -> Option<String> {
    object.words(name).map(|text| one_line(&text, LONGEST_WORD))
}

fn flag(object: &Object<'_>, name: &str) -> bool {
    object
        .field(name)
        .is_some_and(|flag| flag.flag().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_a_company_or_something_else() {
        let id = "11111111-1111-4111-8111-111111111111";
        let company = Subject::Company(id.parse().unwrap());
        assert_eq!(Subject::of(&format!("urn:pleo:company:{id}")), company);
        for other in [
            format!("urn:pleo:organisation:{id}"),
            "urn:pleo:company:7".to_owned(),
        ] {
            assert_eq!(Subject::of(&other), Subject::Other(other));
        }
    }

    #[test]
    fn a_long_list_of_scopes_is_read_to_its_end() {
        let scopes: Vec<String> = (0..500).map(|number| format!("other-{number}:read")).collect();
        let body = format!(r#"{{"data":{{"scope":"{}"}}}}"#, scopes.join(" "));
        assert_eq!(introspection(&body).unwrap().scopes, Some(scopes));
    }

    #[test]
    fn what_is_not_said_is_not_made_up() {
        let said =
            introspection(r#"{"data":{"authMethod":"API_KEY","clientId":"x","subjectURN":7}}"#).unwrap();
        assert_eq!(said.scopes, None);
        assert_eq!(said.subject, Some(Subject::Other("7".to_owned())));
        assert!(introspection("[]").is_err());
        let nothing = installation("{}").unwrap();
        assert_eq!((nothing.resource, nothing.status), (None, None));
    }
}
