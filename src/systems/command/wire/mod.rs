//! The connector protocol, version 1: every line that goes to a connector and comes back from it.
//!
//! These types are the contract and are kept apart from the model, so that the model may change without it.
//! Fields may be added, never renamed or removed. Their doc comments become the descriptions in
//! `docs/connector-protocol.schema.json`. Nothing is decided here.

mod answer;
mod item;
mod request;
mod value;

pub(crate) use answer::{
    Answer, Booked, Create, Done, Entries, Failure, FailureKind, Found, FoundEntry, HelloAnswer, Invoice,
    Resolved, Side,
};
pub(crate) use item::{
    Creditor, Document, DocumentKind, Item, Line, Person, Posting, PostingState, PostingTag, PostingTax,
    Purpose,
};
pub(crate) use request::{
    AccountPurpose, AccountWanted, Attachment, JobNeeds, NamedBy, PROTOCOL, Receipt, References, Request,
    Tag, VendorWanted, Verb, Wanted,
};
pub(crate) use value::{Account, InvoiceKey, Money, Part, Vendor, VendorKey};
