//! What is asked of Odoo before anything is written: whether it can be used, and what the items of a job refer to.

pub(super) mod check;
pub(super) mod invoices;
pub(super) mod kinds;
pub(super) mod locks;
pub(super) mod partners;
pub(super) mod rates;
pub(super) mod references;
