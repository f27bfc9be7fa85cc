//! Our documents in Odoo: by what each is known, what is sent of it, and how it stands there.

pub(super) mod booked;
pub(super) mod key;
pub(super) mod rows;
