//! What a hash covers, piece by piece.

use crate::bookkeeping::accounts::given;
use crate::bookkeeping::item_types::{Side, row};
use crate::model::export_item::ExportItem;

/// What a hash covers, as version 2 tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::bookkeeping) enum Field {
    /// Type and sub-type.
    Type,
    /// The bookkeeping method.
    Method,
    /// The moment of the expense.
    Date,
    /// The amount in wallet currency.
    Amount,
    /// The amount in the supplier's currency.
    SupplierAmount,
    /// The account that stands for the wallet.
    ContraAccount,
    /// The references of vendor or supplier.
    Vendor,
    /// The employee who owes or is owed.
    Employee,
    /// The vendor's invoice number.
    InvoiceNumber,
    /// When the invoice was issued.
    InvoiceDate,
    /// When it is due.
    DueDate,
    /// The amounts of the lines.
    LineAmounts,
    /// Their other amounts.
    NetAmounts,
    /// The accounts of the lines.
    Accounts,
    /// Codes and amounts of the taxes of the lines.
    Tax,
    /// The rates of these taxes.
    TaxRates,
    /// Pleo's words for their kinds.
    TaxTypes,
    /// Their accounts.
    TaxAccounts,
    /// The tags of the lines.
    Tags,
    /// Which line has which amount, account, tax and tags.
    Split,
}

impl Field {
    /// Every field. Version 2 writes their digests in this order, so it stays.
    pub(in crate::bookkeeping) const ALL: [Self; 20] = [
        Self::Type,
        Self::Method,
        Self::Date,
        Self::Amount,
        Self::SupplierAmount,
        Self::ContraAccount,
        Self::Vendor,
        Self::Employee,
        Self::InvoiceNumber,
        Self::InvoiceDate,
        Self::DueDate,
        Self::LineAmounts,
        Self::NetAmounts,
        Self::Accounts,
        Self::Tax,
        Self::TaxRates,
        Self::TaxTypes,
        Self::TaxAccounts,
        Self::Tags,
        Self::Split,
    ];

    /// Its name in the canonical text.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Method => "method",
            Self::Date => "date",
            Self::Amount => "amount",
            Self::SupplierAmount => "supplier_amount",
            Self::ContraAccount => "contra_account",
            Self::Vendor => "vendor",
            Self::Employee => "employee",
            Self::InvoiceNumber => "invoice_number",
            Self::InvoiceDate => "invoice_date",
            Self::DueDate => "due_date",
            Self::LineAmounts => "line_amounts",
            Self::NetAmounts => "net_amounts",
            Self::Accounts => "accounts",
            Self::Tax => "tax",
            Self::TaxRates => "tax_rates",
            Self::TaxTypes => "tax_types",
            Self::TaxAccounts => "tax_accounts",
            Self::Tags => "tags",
            Self::Split => "split",
        }
    }

    /// Whether it is a matter of the lines.
    pub(in crate::bookkeeping) const fn is_of_lines(self) -> bool {
        matches!(
            self,
            Self::LineAmounts
                | Self::NetAmounts
                | Self::Accounts
                | Self::Tax
                | Self::TaxRates
                | Self::TaxTypes
                | Self::TaxAccounts
                | Self::Tags
                | Self::Split
        )
    }
}

/// The code of the employee who owes or is owed; `None` where nobody is, or has none.
pub(in crate::bookkeeping) fn employee_code(item: &ExportItem) -> Option<&str> {
    let (row, _) = row(item).ok()?;
    let is_employees = |side| matches!(side, Side::OutOfPocket | Side::EmployeeReceivable);
    let user = item.user.as_ref()?;
    given(user.code.as_deref()).filter(|_| is_employees(row.debit) || is_employees(row.credit))
}
