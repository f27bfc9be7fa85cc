//! Step 5 as pure functions: an export item in, balanced documents or a refusal out. No I/O and no clock.
//!
//! The order of a plan: `item_types` says what is debited and credited, `method` whether as a journal
//! entry or as a payable, `figures` reads the amounts of the lines, `accounts` and `taxes` find where
//! they go, `documents` puts the postings together, `dates` finds the posting date, `invoices` looks
//! beyond the item (its payment, its duplicates) to what the books and earlier items have (`known_invoices`). What
//! tells an item that was changed since it was booked is in `fingerprint` and `changes`. Whatever stands in the way is a
//! [`Refusal`]. Accounting
//! systems are asked beforehand, with [`references()`]; what they answer is in the [`JobView`].

mod accounts;
mod changes;
mod dates;
mod description;
mod documents;
mod figures;
mod fingerprint;
mod invoices;
mod item_types;
mod known_invoices;
mod method;
pub mod needs;
mod plan;
mod planner;
mod references;
mod refusal;
mod role;
mod settings;
mod taxes;
mod view;

pub use changes::{change, is_spoilt, is_unchanged};
pub use description::payee;
pub use fingerprint::{canonical_text, content_hash};
pub use known_invoices::KnownInvoices;
pub use method::vendor_name;
pub use plan::{documents, plan};
pub use references::{invoice_of, references};
pub use refusal::{Refusal, most_frequent_first};
pub use role::Role;
pub use settings::{ClosedPeriods, DuplicateInvoices, Settings, SystemTraits, TaxRule};
pub use view::JobView;
