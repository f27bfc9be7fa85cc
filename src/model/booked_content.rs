//! What an entry in the books says of the expense that it was booked from: the old side of a change.
//!
//! Books show more or less of it, so everything may be unknown; an entry that states everything may also say that
//! there was none.

use chrono::{DateTime, NaiveDate, Utc};

use super::invoice::VendorKey;
use super::money::{Amount, Money};

/// A fact as the books have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stated<T> {
    /// The books do not show it.
    #[default]
    NotHere,
    /// The books show that there was none.
    Nothing,
    /// This it was.
    This(T),
}

impl<T> Stated<T> {
    /// What the books have; where they have nothing, `states_everything` says what that means.
    pub fn of(known: Option<T>, states_everything: bool) -> Self {
        match known {
            Some(known) => Self::This(known),
            None if states_everything => Self::Nothing,
            None => Self::NotHere,
        }
    }
}

/// What an entry in the books says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookedContent {
    /// Pleo's word for the type.
    pub item_type: Stated<String>,
    /// Pleo's word for the sub-type.
    pub sub_type: Stated<String>,
    /// Pleo's word for the bookkeeping method.
    pub method: Stated<String>,
    /// The moment of the expense.
    pub moment: Option<DateTime<Utc>>,
    /// Its day in the time zone of the books.
    pub day: Option<NaiveDate>,
    /// The amount in wallet currency.
    pub amount: Option<Money>,
    /// Whether its sign is not shown, but only which way the money went.
    pub is_amount_unsigned: bool,
    /// The amount in the supplier's currency.
    pub supplier_amount: Stated<Money>,
    /// Code, identifier and name of the contra account, as far as there are any, with spaces between.
    pub contra_account: Stated<String>,
    /// The references of the vendor, or of the supplier where no vendor was tagged, as they were written.
    pub vendor: Stated<VendorKey>,
    /// Pleo's code of the employee who owes or is owed.
    pub employee_code: Stated<String>,
    /// The vendor's invoice number.
    pub invoice_number: Stated<String>,
    /// When the invoice was issued.
    pub invoice_date: Stated<NaiveDate>,
    /// When it is due.
    pub due_date: Stated<NaiveDate>,
    /// The lines whose accounts it was booked on.
    pub lines: Option<Vec<BookedLine>>,
}

/// One line as the books have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookedLine {
    /// What was paid for it, tax included, in wallet currency; positive where it has the sign of the whole.
    pub amount: Amount,
    /// Pleo's code of its account, else Pleo's identifier.
    pub account: Option<String>,
    /// The tax code as the books name it.
    pub tax_code: Option<String>,
    /// The whole tax, where it is shown.
    pub tax_amount: Option<Amount>,
    /// The rate of the tax as Pleo wrote it, where it is shown.
    pub tax_rate: Option<String>,
    /// The account of the tax that may be deducted.
    pub input_tax_account: Option<String>,
    /// The account of the tax that is owed under reverse charge.
    pub output_tax_account: Option<String>,
    /// Tags as `group=code`, sorted.
    pub tags: Vec<String>,
}
