//! The accounts that the configuration names for what they are used for.

use std::fmt;

/// An account that the configuration names for what it is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The wallet, where an item that moves it brings no contra account.
    Wallet,
    /// What employees are owed.
    OutOfPocket,
    /// What employees owe: cash withdrawals, personal spend.
    EmployeeReceivable,
    /// What vendors are owed.
    AccountsPayable,
    /// The other side of top-ups and unloads.
    Contra,
    /// What employees were paid outside of Pleo.
    ExternalReimbursement,
    /// The difference between the rates of a bill and its payment.
    FxDifference,
    /// Tax that may be deducted, where neither settings nor payload name an account.
    InputTax,
    /// Tax that is owed under reverse charge, likewise.
    OutputTax,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] = &[
        Self::Wallet,
        Self::OutOfPocket,
        Self::EmployeeReceivable,
        Self::AccountsPayable,
        Self::Contra,
        Self::ExternalReimbursement,
        Self::FxDifference,
        Self::InputTax,
        Self::OutputTax,
    ];

    /// Its key under `[accounts]`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::OutOfPocket => "out_of_pocket",
            Self::EmployeeReceivable => "employee_receivable",
            Self::AccountsPayable => "accounts_payable",
            Self::Contra => "contra",
            Self::ExternalReimbursement => "external_reimbursement",
            Self::FxDifference => "fx_difference",
            Self::InputTax => "input_tax",
            Self::OutputTax => "output_tax",
        }
    }

    /// Whether only systems that do not compute tax have a use for it.
    pub const fn is_for_tax(self) -> bool {
        matches!(self, Self::InputTax | Self::OutputTax)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
