//! Whose invoice it is: which vendors are one vendor, and which numbers one number.
//!
//! Pleo knows a vendor by up to three references, and not every expense carries the same ones. People type a number in
//! their own way. Both are compared here and nowhere else, so that the books and a plan never judge differently.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use chrono::NaiveDate;
use icu_normalizer::ComposingNormalizerBorrowed;

use super::ids::AccountingEntryId;
use super::money::Money;
use crate::host::foreign_text::is_seen;

/// How a vendor is looked for: by number, then identifier, then tax number.
///
/// Two keys that are equal name the same vendor in the same way; [`VendorKey::is_same_vendor`] also knows a vendor
/// that is named in two ways.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VendorKey {
    /// `vendor.code` (or `supplier.code` where no vendor is tagged).
    pub code: Option<String>,
    /// `vendor.externalId` (or `supplier.account`, where the supplier has no code).
    pub external_id: Option<String>,
    /// `vendor.taxRegistrationNumber` (or `supplier.taxIdentifier`).
    pub tax_number: Option<String>,
}

impl VendorKey {
    /// Whether both are one vendor: the strongest reference that both have decides.
    pub fn is_same_vendor(&self, other: &Self) -> bool {
        self.likeness(other) == Likeness::Same
    }

    /// How both stand to each other.
    pub fn likeness(&self, other: &Self) -> Likeness {
        let (tax_number, other_tax_number) = (self.compared_tax_number(), other.compared_tax_number());
        let references = |key: &'_ Self, tax_number| -> [Option<String>; 3] {
            [key.code.clone(), key.external_id.clone(), tax_number]
        };
        likeness(
            &references(self, tax_number),
            &references(other, other_tax_number),
        )
    }

    /// The tax number without blanks, punctuation and the prefix of its country; `None` where it says nothing.
    /// Digests of it are kept in books, so what it leaves out stays.
    pub fn compared_tax_number(&self) -> Option<String> {
        let letters_and_digits = self
            .tax_number
            .as_deref()?
            .chars()
            .filter(|c| c.is_alphanumeric());
        let text: String = letters_and_digits.flat_map(char::to_uppercase).collect();
        let prefixed = TAX_PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
        let number = prefixed.filter(|rest| rest.contains(|c: char| c.is_ascii_digit()));
        let number = number.unwrap_or(&text);
        let first = number.chars().next()?;
        let says_something = number.chars().count() >= SHORTEST_TAX_NUMBER
            && number.chars().any(char::is_numeric)
            && number.chars().any(|c| c != first);
        says_something.then(|| number.to_owned())
    }

    /// The strongest reference that is known.
    pub fn reference(&self) -> Option<&str> {
        let known = [&self.code, &self.external_id, &self.tax_number];
        known.into_iter().flatten().map(String::as_str).next()
    }
}

/// How two vendors stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// The strongest reference that both have is the same.
    Same,
    /// It is another.
    Different,
    /// They have no reference in common.
    NothingInCommon,
}

/// How two vendors stand to each other, by code, external id and tax number as it is compared. Whoever keeps digests of
/// these compares the digests likewise.
pub fn likeness<T: PartialEq>(one: &[Option<T>; 3], other: &[Option<T>; 3]) -> Likeness {
    let ([code, id, tax_number], [other_code, other_id, other_tax_number]) = (one, other);
    let of = |is_same: bool| {
        if is_same {
            Likeness::Same
        } else {
            Likeness::Different
        }
    };
    // A vendor that had an identifier only may have got it as its code since.
    let is_known_by = |id: &Option<T>, code: &Option<T>| id.is_some() && id == code;
    if code.is_some() && other_code.is_some() {
        of(code == other_code)
    } else if is_known_by(id, other_code) || is_known_by(other_id, code) {
        Likeness::Same
    } else if id.is_some() && other_id.is_some() {
        of(id == other_id)
    } else if tax_number.is_some() && other_tax_number.is_some() {
        of(tax_number == other_tax_number)
    } else {
        Likeness::NothingInCommon
    }
}

/// A shorter tax number is a placeholder ("n/a", "0"), and so is one without a digit ("unknown").
const SHORTEST_TAX_NUMBER: usize = 6;

/// What countries write before their tax numbers, and people now and then leave out.
const TAX_PREFIXES: [&str; 34] = [
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "GB", "GR", "HR", "HU",
    "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "XI",
];

/// A vendor's invoice number: kept as it was written, compared without case, blanks, punctuation, invisible characters
/// and the ways in which a computer may write one letter (full width, an accent of its own).
#[derive(Clone, Debug)]
pub struct InvoiceNumber {
    text: String,
    compared: String,
}

impl InvoiceNumber {
    /// The number; `None` for one in which nothing can be seen. Control characters are left out of it, for nobody can see
    /// or write them.
    pub fn new(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let text = text.trim();
        let compared: String = compatible(text)
            .chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect();
        text.contains(is_seen).then(|| Self {
            text: text.to_owned(),
            // A number of nothing but punctuation is at least the same as itself.
            compared: if compared.is_empty() {
                text.to_owned()
            } else {
                compared
            },
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As it is compared.
    pub fn compared(&self) -> &str {
        &self.compared
    }
}

impl PartialEq for InvoiceNumber {
    fn eq(&self, other: &Self) -> bool {
        self.compared == other.compared
    }
}

impl Eq for InvoiceNumber {}

impl PartialOrd for InvoiceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for InvoiceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compared.cmp(&other.compared)
    }
}

impl Hash for InvoiceNumber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.compared.hash(state);
    }
}

/// The text with one way of writing each letter.
fn compatible(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfkc().normalize(text)
}

/// An invoice is known by its vendor and the vendor's number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InvoiceKey {
    /// How the vendor is looked for.
    pub vendor: VendorKey,
    /// The vendor's invoice number.
    pub number: InvoiceNumber,
}

impl InvoiceKey {
    /// Whether both name one invoice.
    pub fn is_same_invoice(&self, other: &Self) -> bool {
        self.number == other.number && self.vendor.is_same_vendor(&other.vendor)
    }
}

/// One side of an invoice in the books, of those that count: what is reversed is not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceInBooks {
    /// The accounting entry it was booked for.
    pub entry_id: AccountingEntryId,
    /// Its number in the books.
    pub external_id: String,
    /// Bill or payment.
    pub side: InvoiceSide,
    /// What it moved on the payable account, debit positive, in the currency of its wallet: bill and payment may
    /// belong to wallets of two currencies.
    pub payable: Money,
    /// The amount in the supplier's currency.
    pub supplier_amount: Option<Money>,
    /// The day of the vendor's document, where it says one.
    pub invoice_date: Option<NaiveDate>,
    /// The mark by which the books join the documents of an invoice, where they have one of their own.
    pub link: Option<String>,
}

impl InvoiceInBooks {
    /// Puts documents into an order that does not depend on which was booked first: two of them may have been booked
    /// in any order before it was known that they belong to one invoice.
    pub fn sort(documents: &mut [Self]) {
        documents.sort_by(|one, other| {
            let order = |document: &Self| (document.invoice_date, document.side);
            (order(one).cmp(&order(other))).then_with(|| one.entry_id.cmp(&other.entry_id))
        });
    }
}

/// The two sides of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InvoiceSide {
    /// The vendor's claim (or credit note).
    Bill,
    /// The payment that settles it.
    Payment,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `code/identifier/tax number`, each of which may be empty.
    fn vendor(text: &str) -> VendorKey {
        let mut parts = text
            .split('/')
            .map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
        let mut next = || parts.next().flatten();
        VendorKey {
            code: next(),
            external_id: next(),
            tax_number: next(),
        }
    }

    #[test]
    fn the_strongest_reference_that_both_have_decides() {
        let table = [
            // one                 other                 same   why
            ("V1//", "V1//", true, "code against code"),
            ("V1//", "V2//", false, "different codes"),
            (
                "V1/E1/DK12345678",
                "V2/E1/DK12345678",
                false,
                "different codes, whatever else agrees",
            ),
            ("V1/E1/", "V1/E2/", true, "the code beats the identifier"),
            ("/E1/", "/E1/", true, "identifier"),
            (
                "/E1/DK12345678",
                "/E2/DK12345678",
                false,
                "the identifier beats the tax number",
            ),
            ("/E1/", "V1/E1/", true, "it got a code later"),
            ("/V1/", "V1//", true, "its identifier became its code"),
            (
                "/V1/",
                "V1/E9/",
                true,
                "its identifier became its code, and it got another identifier",
            ),
            (
                "/E1/DK12345678",
                "V1//12345678",
                true,
                "a code says nothing against an identifier",
            ),
            ("V1//", "/E1/", false, "nothing that both have"),
            (
                "//DK 12.34.56-78",
                "//dk12345678",
                true,
                "blanks, punctuation, case",
            ),
            ("//DK12345678", "//12345678", true, "the country's prefix"),
            ("//DK12345678", "V1//12345678", true, "it got a code later"),
            ("//ATU12345678", "//U12345678", true, "a prefix before letters"),
            ("//DK12345678", "//12345679", false, "different tax numbers"),
            ("//12345", "//12345", false, "too short to be a reference"),
            ("//DK12345", "//DK12345", false, "too short without its prefix"),
            (
                "//00000000",
                "//00000000",
                false,
                "one repeated character is a placeholder",
            ),
            ("//DK00000000", "//DK00000000", false, "the same with a prefix"),
            ("//unknown", "//UNKNOWN", false, "no digit"),
            ("//", "//", false, "nobody"),
        ];
        for (one, other, same, why) in table {
            let (a, b) = (vendor(one), vendor(other));
            assert_eq!(a.is_same_vendor(&b), same, "{one} and {other}: {why}");
            assert_eq!(b.is_same_vendor(&a), same, "{other} and {one}: {why}");
        }
    }

    #[test]
    fn numbers_are_compared_without_what_people_type_differently() {
        let number = |text: &str| InvoiceNumber::new(text).unwrap();
        for same in [
            "INV-2026/7",
            "inv 2026 7",
            " INV.2026-7 ",
            "INV\u{200b}2026\u{ad}7",
            "#INV20267",
        ] {
            assert_eq!(number(same), number("INV20267"), "{same}");
        }
        assert_eq!(number(" INV-7 ").as_str(), "INV-7", "the text is kept for people");
        assert_ne!(number("INV-7"), number("INV-07"));
        assert_ne!(number("-"), number("/"), "punctuation alone");
        assert_eq!(number("-"), number("-"));
        for nothing in ["", "  ", "\u{7}\n"] {
            assert!(InvoiceNumber::new(nothing).is_none());
        }
    }
}
