//! The table of item types: for each type and sub-type, what is debited, what is credited and who is the
//! creditor.
//!
//! The direction comes from here and never from the sign alone. Whether the wallet moves and which documents
//! an item needs follow from the two sides.

use crate::model::export_item::{ExportItem, ItemType, SubType};

use super::refusal::Refusal;

/// One side of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The accounts of the item's lines, with their tax.
    Lines,
    /// The contra account, else the wallet role.
    Wallet,
    /// What employees are owed.
    OutOfPocket,
    /// What employees owe.
    EmployeeReceivable,
    /// What vendors are owed.
    AccountsPayable,
    /// The other side of money moved into and out of the wallet.
    Transit,
    /// What was paid to employees outside of Pleo.
    ExternalReimbursement,
}

/// Who is owed where the item is booked as a payable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CreditorKind {
    /// The vendor, else the supplier.
    Vendor,
    /// The one who spent.
    Employee,
}

/// What the sign of the total means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// A negative total is the mirror image.
    BySign,
    /// The type says it all; either sign is the same.
    Fixed,
}

/// How a type is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Where the amount is debited.
    pub(super) debit: Side,
    /// Where it is credited.
    pub(super) credit: Side,
    /// Who is owed; `None`: always a journal entry.
    pub(super) creditor: Option<CreditorKind>,
    /// What the sign means.
    pub(super) direction: Direction,
}

impl Row {
    /// Whether it posts to the accounts of the lines, and so carries the tax.
    pub(super) fn posts_lines(self) -> bool {
        self.debit == Side::Lines || self.credit == Side::Lines
    }

    /// Whether it moves money: the side that does.
    pub(super) fn money_side(self) -> Option<Side> {
        [self.debit, self.credit]
            .into_iter()
            .find(|side| matches!(side, Side::Wallet | Side::ExternalReimbursement))
    }

    /// Where the claim of the creditor stands.
    pub(super) fn claim_side(self) -> Option<Side> {
        self.creditor.map(|creditor| match creditor {
            CreditorKind::Vendor => Side::AccountsPayable,
            CreditorKind::Employee => Side::OutOfPocket,
        })
    }
}

/// What a sub-type says beyond the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The usual direction of the type.
    Usual,
    /// A reimbursement came back.
    Bounced,
    /// An employee pays the company.
    ToCompany,
    /// A payment came back.
    Returned,
}

/// The row of an item, and a remark where its sub-type is unknown but decides nothing.
pub(super) fn row(item: &ExportItem) -> Result<(Row, Option<String>), Refusal> {
    let (item_type, sub_type) = (&item.item_type, item.sub_type.as_ref());
    if let ItemType::Unknown(word) = item_type {
        return Err(Refusal::unknown_type(word));
    }
    let contradiction =
        || Refusal::unknown_sub_type(item_type.as_str(), sub_type.map_or("", SubType::as_str));
    let turn = match sub_type {
        None | Some(SubType::ReimbursementToEmployee | SubType::InvoicePaymentSent | SubType::Interest) => {
            Turn::Usual
        }
        Some(SubType::ReimbursementToEmployeeRefund) => Turn::Bounced,
        Some(SubType::ReimbursementToCompany) => Turn::ToCompany,
        Some(SubType::InvoicePaymentReturned) => Turn::Returned,
        Some(SubType::Unknown(word)) if may_decide(item_type, word) => return Err(contradiction()),
        Some(SubType::Unknown(word)) => {
            let row = table(item_type, Turn::Usual).ok_or_else(contradiction)?;
            let remark = format!("sub-type \"{word}\" is not known; the type alone decided");
            return Ok((row, Some(remark)));
        }
    };
    Ok((table(item_type, turn).ok_or_else(contradiction)?, None))
}

/// The table. A pair that is not in it contradicts itself.
#[rustfmt::skip]
fn table(item_type: &ItemType, turn: Turn) -> Option<Row> {
    use CreditorKind::{Employee, Vendor};
    use Direction::{BySign, Fixed};
    use ItemType as T;
    use Side::{AccountsPayable, EmployeeReceivable, ExternalReimbursement, Lines, OutOfPocket, Transit, Wallet};
    use Turn::{Bounced, Returned, ToCompany, Usual};

    let (debit, credit, creditor, direction) = match (item_type, turn) {
        // type                     sub-type         debit                  credit                 creditor        sign
        // Spending: cost against the wallet
        (T::CardPurchase,           Usual)     =>   (Lines,                 Wallet,                Some(Vendor),   BySign),
        (T::CardInvoice,            Usual)     =>   (Lines,                 Wallet,                Some(Vendor),   BySign),
        (T::Fee,                    Usual)     =>   (Lines,                 Wallet,                Some(Vendor),   BySign),
        // Money back: the wallet against the cost
        (T::Refund,                 _)         =>   (Wallet,                Lines,                 Some(Vendor),   Fixed),
        (T::Chargeback,             _)         =>   (Wallet,                Lines,                 Some(Vendor),   Fixed),
        (T::Cashback,               _)         =>   (Wallet,                Lines,                 Some(Vendor),   Fixed),
        // Invoices: cost against the vendor, then the vendor against the wallet
        (T::Invoice,                Usual)     =>   (Lines,                 AccountsPayable,       Some(Vendor),   BySign),
        (T::InvoicePayment,         Usual)     =>   (AccountsPayable,       Wallet,                Some(Vendor),   BySign),
        (T::InvoicePayment,         Returned)  =>   (Wallet,                AccountsPayable,       Some(Vendor),   Fixed),
        // Employees are owed: cost against the employee, then the employee against the money
        (T::OutOfPocket,            Usual)     =>   (Lines,                 OutOfPocket,           Some(Employee), BySign),
        (T::Mileage,                Usual)     =>   (Lines,                 OutOfPocket,           Some(Employee), BySign),
        (T::PerDiem,                Usual)     =>   (Lines,                 OutOfPocket,           Some(Employee), BySign),
        (T::DirectReimbursement,    Usual)     =>   (OutOfPocket,           Wallet,                Some(Employee), BySign),
        (T::DirectReimbursement,    Bounced)   =>   (Wallet,                OutOfPocket,           Some(Employee), Fixed),
        (T::ExternalReimbursement,  Usual)     =>   (OutOfPocket,           ExternalReimbursement, Some(Employee), BySign),
        (T::ExternalReimbursement,  Bounced)   =>   (ExternalReimbursement, OutOfPocket,           Some(Employee), Fixed),
        // Employees owe: the employee against the wallet, and what they pay back
        (T::AtmWithdrawal,          Usual)     =>   (EmployeeReceivable,    Wallet,                None,           BySign),
        (T::PersonalSpend,          Usual)     =>   (EmployeeReceivable,    Wallet,                None,           BySign),
        (T::AtmWithdrawal,          ToCompany) =>   (Wallet,                EmployeeReceivable,    None,           Fixed),
        (T::PersonalSpend,          ToCompany) =>   (Wallet,                EmployeeReceivable,    None,           Fixed),
        (T::DirectReimbursement,    ToCompany) =>   (Wallet,                EmployeeReceivable,    None,           Fixed),
        (T::ExternalReimbursement,  ToCompany) =>   (ExternalReimbursement, EmployeeReceivable,    None,           Fixed),
        // Wallet movements
        (T::WalletTopup,            Usual)     =>   (Wallet,                Transit,               None,           Fixed),
        (T::WalletUnload,           Usual)     =>   (Transit,               Wallet,                None,           Fixed),
        _ => return None,
    };
    Some(Row { debit, credit, creditor, direction })
}

/// Whether an unknown sub-type may turn the direction of this type around: other sub-types do, or the word
/// says so.
fn may_decide(item_type: &ItemType, word: &str) -> bool {
    let usual = table(item_type, Turn::Usual);
    let others_decide = [Turn::Bounced, Turn::ToCompany, Turn::Returned]
        .into_iter()
        .any(|turn| table(item_type, turn).is_some_and(|row| Some(row) != usual));
    let says_so = ["_refund", "_returned", "_to_company"]
        .iter()
        .any(|ending| word.ends_with(ending));
    others_decide || (says_so && usual.is_some_and(|row| row.direction == Direction::BySign))
}
