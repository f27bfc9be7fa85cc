//! Vendors and employees as Odoo's contacts: found by reference, then by tax id; made only where configuration
//! allows it, each under an external id, so that a vendor is made once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::{Value, json};
use tracing::warn;

use crate::model::document::{Creditor, Document, PlannedItem};
use crate::model::references::{Reference, Vendor, VendorKey};
use crate::model::verdict::ItemFailureType;
use crate::systems::SystemError;
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::errors::{CallError, one_line};
use crate::systems::odoo::api::load::load;
use crate::systems::odoo::api::records::{Id, Link, maybe, text};
use crate::systems::odoo::document::key::external_id;

#[derive(Deserialize)]
struct Partner {
    id: Id,
    /// An address of a company needs none.
    #[serde(deserialize_with = "text")]
    name: Option<String>,
    #[serde(rename = "ref", deserialize_with = "text")]
    reference: Option<String>,
    #[serde(deserialize_with = "text")]
    vat: Option<String>,
    #[serde(deserialize_with = "maybe")]
    parent_id: Option<Link>,
}

/// The vendors of a job. One that is not there is promised under its number, where vendors may be added.
pub(crate) fn vendors(
    books: Books<'_>,
    create_vendors: bool,
    wanted: &BTreeMap<VendorKey, String>,
) -> Result<HashMap<VendorKey, Vendor>, SystemError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let numbers: BTreeSet<&str> = wanted
        .keys()
        .flat_map(|key| [&key.code, &key.external_id])
        .flatten()
        .map(String::as_str)
        .collect();
    let tax_ids: BTreeSet<String> = wanted
        .keys()
        .filter_map(|key| key.tax_number.as_ref())
        .flat_map(|number| [number.clone(), compact(number)])
        .collect();
    let found = search(
        books,
        &json!(["|", ["ref", "in", numbers], ["vat", "in", tax_ids]]),
    )?;
    let mut vendors = HashMap::new();
    for (key, name) in wanted {
        let number = key
            .code
            .as_ref()
            .or(key.external_id.as_ref())
            .or(key.tax_number.as_ref());
        let vendor = match (partner(key, &found), number) {
            (Some(partner), _) => Vendor {
                reference: Reference::Id(partner.id),
                name: partner.name.clone().unwrap_or_else(|| name.clone()),
            },
            (None, Some(number)) if create_vendors && !name.is_empty() => Vendor {
                reference: Reference::New(number.clone()),
                name: name.clone(),
            },
            _ => continue,
        };
        vendors.insert(key.clone(), vendor);
    }
    Ok(vendors)
}

/// The partner that a key means: by its code, else by its external id, else by its tax number.
fn partner<'a>(key: &VendorKey, found: &'a [Partner]) -> Option<&'a Partner> {
    let by_number = |number: &Option<String>| {
        let number = number.as_deref()?;
        let same = found
            .iter()
            .filter(|partner| partner.reference.as_deref() == Some(number));
        the_one(number, same)
    };
    let by_tax_id = || {
        let number = compact(key.tax_number.as_deref()?);
        let same = found
            .iter()
            .filter(|partner| partner.vat.as_deref().map(compact).as_ref() == Some(&number));
        the_one(&number, same)
    };
    by_number(&key.code)
        .or_else(|| by_number(&key.external_id))
        .or_else(by_tax_id)
}

fn search(books: Books<'_>, condition: &Value) -> Result<Vec<Partner>, CallError> {
    let mut domain = vec![json!("&"), json!(["company_id", "in", [false, books.company.id]])];
    domain.extend(condition.as_array().cloned().unwrap_or_default());
    let fields = ["name", "ref", "vat", "parent_id"];
    books.search("res.partner", Value::Array(domain), &fields)
}

/// One contact, or the company among a company and its addresses; several companies are none.
fn the_one<'a>(number: &str, partners: impl Iterator<Item = &'a Partner>) -> Option<&'a Partner> {
    let all: Vec<&Partner> = partners.collect();
    let companies: Vec<&Partner> = all
        .iter()
        .copied()
        .filter(|partner| partner.parent_id.is_none())
        .collect();
    match (all.as_slice(), companies.as_slice()) {
        ([one], _) | (_, [one]) => Some(one),
        ([], _) => None,
        _ => {
            warn!("Odoo has more than one contact with the number {number}: archive all but one");
            None
        }
    }
}

/// A tax id without the marks that people put between its digits.
fn compact(number: &str) -> String {
    number
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_uppercase()
}

/// Who a bill is from, and on which account Odoo keeps what is owed to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CreditorIds {
    pub(crate) partner: Id,
    /// The vendor's own payable account, which beats the configured one; none where it is Odoo's default.
    pub(crate) payable: Option<Id>,
}

/// A contact that is to be made.
struct Contact {
    name: String,
    tax_id: Option<String>,
}

/// Vendors and employees have numbers of their own: vendor 7 is not employee 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Who {
    Vendor,
    Employee,
}

impl Who {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Employee => "employee",
        }
    }
}

/// The contacts of a batch, found or made once.
#[derive(Debug, Default)]
pub(crate) struct Creditors {
    employees: HashMap<String, Id>,
    made: HashMap<(Who, String), Id>,
    payables: HashMap<Id, Option<Id>>,
}

impl Creditors {
    /// Looks up what the items of a batch need, in three calls at most; vendors and employees that are to be made are made
    /// here, with one call each.
    pub(crate) fn of(
        books: Books<'_>,
        create_vendors: bool,
        items: &[PlannedItem],
    ) -> Result<Self, SystemError> {
        let mut creditors = Self::default();
        let codes: BTreeSet<&str> = items
            .iter()
            .flat_map(|item| &item.documents)
            .flat_map(employee_codes)
            .collect();
        if !codes.is_empty() {
            let found = search(books, &json!([["ref", "in", codes]]))?;
            for code in codes {
                let same = found
                    .iter()
                    .filter(|partner| partner.reference.as_deref() == Some(code));
                if let Some(partner) = the_one(code, same) {
                    creditors.employees.insert(code.to_owned(), partner.id);
                }
            }
        }
        if create_vendors {
            creditors.make(books, items)?;
        }
        creditors.read_payables(books, items)?;
        Ok(creditors)
    }

    /// The vendors and employees of the items that Odoo does not have, by their number.
    fn missing(&self, items: &[PlannedItem]) -> BTreeMap<(Who, String), Contact> {
        let mut missing = BTreeMap::new();
        let documents = items
            .iter()
            .flat_map(|item| item.documents.iter().map(move |document| (item, document)));
        for (item, document) in documents {
            if let Some(Creditor::Vendor(vendor)) = &document.creditor
                && let Reference::New(number) = &vendor.reference
            {
                let contact = Contact {
                    name: vendor.name.clone(),
                    tax_id: item
                        .item
                        .seller()
                        .and_then(|seller| seller.tax_number)
                        .map(str::to_owned),
                };
                missing.insert((Who::Vendor, number.clone()), contact);
            }
            let Some(user) = &item.item.user else { continue };
            for code in employee_codes(document).filter(|code| !self.employees.contains_key(*code)) {
                let contact = Contact {
                    name: user.name.clone(),
                    tax_id: None,
                };
                missing.insert((Who::Employee, code.to_owned()), contact);
            }
        }
        missing
    }

    fn make(&mut self, books: Books<'_>, items: &[PlannedItem]) -> Result<(), SystemError> {
        for ((who, number), contact) in self.missing(items) {
            let row = vec![
                external_id(&[who.as_str(), &number]),
                one_line(&contact.name),
                number.clone(),
                contact.tax_id.unwrap_or_default(),
                (who == Who::Vendor).to_string(),
            ];
            let fields = ["id", "name", "ref", "vat", "is_company"];
            match load(books, "res.partner", &fields, &[row]) {
                Ok(ids) => self.made.extend(ids.first().map(|id| ((who, number), *id))),
                // Without its contact the item is refused below, with a text of its own.
                Err(SystemError::Rejected { reason, .. }) => {
                    warn!("the contact with the number {number} could not be made: {reason}");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read_payables(&mut self, books: Books<'_>, items: &[PlannedItem]) -> Result<(), SystemError> {
        #[derive(Deserialize)]
        struct Record {
            id: Id,
            #[serde(deserialize_with = "maybe")]
            property_account_payable_id: Option<Link>,
        }
        #[derive(Deserialize)]
        struct Default {
            #[serde(default, deserialize_with = "maybe")]
            property_account_payable_id: Option<Id>,
        }
        let documents = items.iter().flat_map(|item| &item.documents);
        let partners: BTreeSet<Id> = documents
            .filter_map(|document| self.partner(document.creditor.as_ref()?))
            .collect();
        if partners.is_empty() {
            return Ok(());
        }
        let fields = ["property_account_payable_id"];
        let default: Default = books.call("res.partner", "default_get", json!({ "fields": fields }))?;
        let found: Vec<Record> = books.search(
            "res.partner",
            json!([["id", "in", partners], ["active", "in", [true, false]]]),
            &fields,
        )?;
        self.payables = found
            .into_iter()
            .map(|record| {
                let own = record.property_account_payable_id.map(|link| link.0);
                (
                    record.id,
                    own.filter(|_| own != default.property_account_payable_id),
                )
            })
            .collect();
        Ok(())
    }

    fn partner(&self, creditor: &Creditor) -> Option<Id> {
        match creditor {
            Creditor::Vendor(vendor) => match &vendor.reference {
                Reference::Id(id) => Some(*id),
                Reference::New(number) => self.made.get(&(Who::Vendor, number.clone())).copied(),
                Reference::Name(_) => None,
            },
            Creditor::Employee { code, .. } => self.employee(code.as_deref()),
        }
    }

    /// The creditor of a document, or why there is none.
    pub(crate) fn creditor(&self, document: &Document) -> Result<Option<CreditorIds>, SystemError> {
        let Some(creditor) = &document.creditor else {
            return Ok(None);
        };
        let Some(partner) = self.partner(creditor) else {
            return Err(unknown(creditor));
        };
        let Some(payable) = self.payables.get(&partner).copied() else {
            return Err(unknown(creditor));
        };
        Ok(Some(CreditorIds { partner, payable }))
    }

    /// The contact of an employee, where Odoo has one.
    pub(crate) fn employee(&self, code: Option<&str>) -> Option<Id> {
        let code = code?;
        let made = || self.made.get(&(Who::Employee, code.to_owned()));
        self.employees.get(code).or_else(made).copied()
    }
}

/// The employees of a document: its creditor, and whoever its postings are about.
fn employee_codes(document: &Document) -> impl Iterator<Item = &str> {
    let creditor = match &document.creditor {
        Some(Creditor::Employee { code, .. }) => code.as_deref(),
        _ => None,
    };
    let postings = document
        .postings
        .iter()
        .filter_map(|posting| posting.employee_code.as_deref());
    creditor.into_iter().chain(postings)
}

fn unknown(creditor: &Creditor) -> SystemError {
    let reason = match creditor {
        Creditor::Vendor(vendor) => format!(
            "Vendor {} is not in Odoo and could not be added: add the contact there, then export again.",
            one_line(&vendor.name)
        ),
        Creditor::Employee { code, name } => {
            let name = one_line(name.as_deref().unwrap_or("without a name"));
            match code {
                Some(code) => format!(
                    "Employee {name} is not in Odoo: add a contact with the reference {}, then export again.",
                    one_line(code)
                ),
                None => format!(
                    "Employee {name} has no employee code: enter it in Pleo, and as the reference of the employee's contact in Odoo, then export again."
                ),
            }
        }
    };
    SystemError::Rejected {
        failure_type: ItemFailureType::VendorUnknown,
        reason,
    }
}
