//! How Odoo is spoken to: one call, for which company, rows in bulk, what its answers and rejections mean.

pub(super) mod books;
pub(super) mod company;
pub(super) mod errors;
pub(super) mod load;
pub(super) mod records;
pub(super) mod transport;
