//! Step 5 as an accountant reads it: hand-worked cases, refusals word for word, and properties that always
//! hold.

mod accounts;
mod amounts;
mod dates;
mod employees;
mod fingerprints;
mod invoices;
mod items;
mod movements;
mod needs;
mod properties;
mod references;
mod refusals;
mod spending;
mod taxes;
mod texts;
mod vendors;
mod world;
