//! A field of an export item in a bookkeeper's words: "the net amount of line 2" for
//! `accountingEntryLines[1].netAmount.inWalletCurrency.value`.

/// The object that a field belongs to, and what the field is called on it; no name where it is the object itself.
pub(super) struct Words {
    pub(super) owner: String,
    pub(super) name: Option<&'static str>,
    /// Whether a person enters it in Pleo; the rest is Pleo's own.
    pub(super) is_entered: bool,
}

/// Fields that nobody enters: Pleo makes them.
const OWN: [&str; 9] = [
    "accountingEntryId",
    "accountingEntryLineId",
    "accountingEntryLines",
    "additionalInformation",
    "companyId",
    "reconciliationId",
    "subType",
    "type",
    "url",
];

/// The words for a path as the reader writes it.
pub(super) fn words(path: &str) -> Words {
    let segments: Vec<(&str, Option<usize>)> = path.split('.').map(segment).collect();
    let (owner, rest) = owner(&segments);
    let is_entered = !matches!(rest, [(own, None)] if OWN.contains(own));
    Words {
        owner,
        name: match rest {
            [.., ("inSupplierCurrency", None), ("currency", None)] => Some("supplier's currency"),
            _ => rest.iter().rev().find_map(|(segment, _)| name(segment)),
        },
        is_entered,
    }
}

/// A name and, in a list, the place there, counted from 1.
fn segment(segment: &str) -> (&str, Option<usize>) {
    let indexed = segment.strip_suffix(']').and_then(|text| text.split_once('['));
    match indexed {
        Some((name, index)) => (name, index.parse::<usize>().ok().map(|index| index + 1)),
        None => (segment, None),
    }
}

fn owner<'p, 's>(segments: &'p [(&'s str, Option<usize>)]) -> (String, &'p [(&'s str, Option<usize>)]) {
    match segments {
        [("accountingEntryLines", Some(line)), ("tax", None), rest @ ..] => {
            (format!("the tax of line {line}"), rest)
        }
        [("accountingEntryLines", Some(line)), ("account", None), rest @ ..] => {
            (format!("the account of line {line}"), rest)
        }
        [
            ("accountingEntryLines", Some(line)),
            ("tags", Some(tag)),
            rest @ ..,
        ] => (format!("tag {tag} of line {line}"), rest),
        [("accountingEntryLines", Some(line)), rest @ ..] => (format!("line {line}"), rest),
        [
            ("additionalInformation", None),
            ("invoiceInformation", None),
            rest @ ..,
        ] => ("the invoice".to_owned(), rest),
        [("additionalInformation", None), rest @ ..] if !rest.is_empty() => ("the expense".to_owned(), rest),
        [("vendor", None), rest @ ..] => ("the vendor".to_owned(), rest),
        [("supplier", None), rest @ ..] => ("the supplier".to_owned(), rest),
        [("contraAccount", None), rest @ ..] => ("the contra account".to_owned(), rest),
        [("user", None), rest @ ..] => ("the employee".to_owned(), rest),
        [("team", None), rest @ ..] => ("the team".to_owned(), rest),
        [("files", Some(number)), rest @ ..] => (format!("receipt {number}"), rest),
        [("servicePeriod", None), rest @ ..] => ("the service period".to_owned(), rest),
        rest => ("the expense".to_owned(), rest),
    }
}

/// Whether a name of a field speaks of several things.
pub(super) fn is_several(name: &str) -> bool {
    ["attendees", "lines", "receipts", "settled expenses", "tags"].contains(&name)
}

/// What a field is called; `None` for what only holds others.
fn name(field: &str) -> Option<&'static str> {
    Some(match field {
        "accountingEntryId" => "accounting entry id",
        "companyId" => "company",
        "accountingEntryLineId" => "id",
        "reconciliationId" => "book id",
        "type" => "type",
        "subType" => "sub-type",
        "date" | "invoiceDate" => "date",
        "dueDate" => "due date",
        "from" => "first day",
        "to" => "last day",
        "amount" | "lineAmount" => "amount",
        "netAmount" => "net amount",
        "inSupplierCurrency" => "amount in the supplier's currency",
        "currency" => "currency",
        "accountingEntryLines" => "lines",
        "files" => "receipts",
        "tags" => "tags",
        "attendees" => "attendees",
        "reconciledEntries" => "settled expenses",
        "bookkeeping" | "method" => "bookkeeping method",
        "note" => "note",
        "invoiceNumber" => "number",
        "name" => "name",
        "code" => "code",
        "groupCode" => "group",
        "identifier" | "externalId" => "identifier",
        "account" => "account number",
        "rate" => "rate",
        "ingoingTaxAccount" | "outgoingTaxAccount" => "account",
        "taxIdentifier" | "taxRegistrationNumber" => "tax number",
        "url" => "address",
        "additionalInformation" => "additional information",
        _ => return None,
    })
}
