//! An export item (the data layer): everything Pleo says about one accounting entry.
//!
//! Foreign words that this version does not know are kept as `Unknown`, so that reading never refuses
//! what a decision can refuse with a better text.

use chrono::{DateTime, NaiveDate, Utc};

use super::ids::{AccountingEntryId, CompanyId};
use super::money::{Amount, Money};
use super::payload::Payload;

/// One accounting entry to book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportItem {
    /// Its key in the books.
    pub entry_id: AccountingEntryId,
    /// The company it belongs to.
    pub company_id: CompanyId,
    /// What kind of expense or movement it is.
    pub item_type: ItemType,
    /// A closer description of some types; it may turn the direction around.
    pub sub_type: Option<SubType>,
    /// When Pleo kept it in its books, in UTC. The calendar day depends on the configured time zone.
    pub date: DateTime<Utc>,
    /// The amount in the currency of the wallet; books are kept in it.
    pub amount: Money,
    /// The amount in the supplier's currency, where it can be read.
    pub supplier_amount: Option<Money>,
    /// One line, or several when the expense is split.
    pub lines: Vec<Line>,
    /// How to book it.
    pub method: Method,
    /// The account of the books that stands for the Pleo wallet of this currency.
    pub contra_account: Option<AccountReference>,
    /// The merchant as Pleo knows it.
    pub supplier: Option<Supplier>,
    /// The vendor of the accounting system; it beats the supplier.
    pub vendor: Option<Vendor>,
    /// Who spent.
    pub user: Option<Party>,
    /// The team of the one who spent.
    pub team: Option<Party>,
    /// What the spender wrote.
    pub note: Option<String>,
    /// The receipts, in order.
    pub files: Vec<ReceiptFile>,
    /// Pleo's book id, the number by which people reconcile.
    pub book_id: String,
    /// Book ids that a reimbursement settles.
    pub reconciled_entries: Vec<String>,
    /// Who took part.
    pub attendees: Vec<String>,
    /// Facts about the invoice, when there is one.
    pub invoice: Option<InvoiceInformation>,
    /// The period the service was for, as UTC days; information only.
    pub service_period: Option<(NaiveDate, NaiveDate)>,
    /// Where a person sees the item in Pleo.
    pub web_link: Option<String>,
    /// Oddities found while reading, for the entry's notes: a supplier amount with a fraction, for example.
    pub remarks: Vec<String>,
    /// All of it as Pleo sent it.
    pub payload: Payload,
}

/// One line of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Pleo's id of the line.
    pub line_id: String,
    /// The line's amount in wallet currency; whether tax is inside is found from the figures.
    pub amount: Amount,
    /// The line's other amount in wallet currency, which differs from `amount` by the tax, or not at all.
    pub net_amount: Amount,
    /// The line's amount in the supplier's currency, where it can be read.
    pub supplier_amount: Option<Money>,
    /// The account (category) of the line.
    pub account: Option<AccountReference>,
    /// Cost centres.
    pub tags: Vec<Tag>,
    /// The tax of the line.
    pub tax: Option<Tax>,
}

/// An account as Pleo refers to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountReference {
    /// Account number.
    pub code: Option<String>,
    /// Identifier that the accounting system gave.
    pub identifier: Option<String>,
    /// Its name in Pleo.
    pub name: String,
}

/// A cost centre.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// The group it belongs to ("project", "department").
    pub group: String,
    /// Its code in the group.
    pub code: String,
}

/// The tax of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tax {
    /// Tax code of the accounting system.
    pub code: Option<String>,
    /// The rate as Pleo wrote it, a decimal fraction (`0.25`).
    pub rate: String,
    /// The same rate in millionths (250000), where it can be read.
    pub rate_millionths: Option<i64>,
    /// What Pleo calls its kind.
    pub tax_type: TaxType,
    /// The tax in wallet currency.
    pub amount: Amount,
    /// Account of the tax that may be deducted.
    pub ingoing_account: Option<String>,
    /// Account of the tax that is owed under reverse charge.
    pub outgoing_account: Option<String>,
}

/// What Pleo calls the kind of a tax. Only `Reverse` decides anything: the figures decide the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaxType {
    /// "inclusive"
    Inclusive,
    /// "exclusive"
    Exclusive,
    /// The buyer owes the tax.
    Reverse,
    /// A word that this version does not know.
    Unknown(String),
}

impl TaxType {
    /// Reads Pleo's word.
    pub fn from_wire(text: &str) -> Self {
        match text {
            "inclusive" => Self::Inclusive,
            "exclusive" => Self::Exclusive,
            "reverse" => Self::Reverse,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Pleo's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Inclusive => "inclusive",
            Self::Exclusive => "exclusive",
            Self::Reverse => "reverse",
            Self::Unknown(text) => text,
        }
    }
}

/// The merchant as Pleo knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supplier {
    /// Its name, often a card terminal's text.
    pub name: Option<String>,
    /// Its identifier in the accounting system.
    pub code: Option<String>,
    /// Its account number in the accounting system.
    pub account: Option<String>,
    /// Its tax number.
    pub tax_number: Option<String>,
}

/// A vendor of the accounting system, tagged in Pleo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vendor {
    /// The vendor's name.
    pub name: String,
    /// Its number in the accounting system.
    pub code: Option<String>,
    /// Its identifier there.
    pub external_id: Option<String>,
    /// Its VAT number.
    pub tax_number: Option<String>,
}

/// Who sold something, by what the accounting system may know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seller<'a> {
    /// What people call it.
    pub name: Option<&'a str>,
    /// The number in the accounting system.
    pub code: Option<&'a str>,
    /// The identifier there.
    pub external_id: Option<&'a str>,
    /// The tax number.
    pub tax_number: Option<&'a str>,
}

impl ExportItem {
    /// Who sold it: the vendor that was tagged in Pleo beats the supplier of the payment.
    pub fn seller(&self) -> Option<Seller<'_>> {
        if let Some(vendor) = &self.vendor {
            return Some(Seller {
                name: Some(&vendor.name),
                code: vendor.code.as_deref(),
                external_id: vendor.external_id.as_deref(),
                tax_number: vendor.tax_number.as_deref(),
            });
        }
        let supplier = self.supplier.as_ref()?;
        let is_shown = |text: &str| text.chars().any(|one| !one.is_control() && !one.is_whitespace());
        Some(Seller {
            name: supplier.name.as_deref(),
            code: supplier.code.as_deref(),
            // The number of an account, which many suppliers may share, says something only where there is no code.
            external_id: match supplier.code.as_deref() {
                Some(code) if is_shown(code) => None,
                _ => supplier.account.as_deref(),
            },
            tax_number: supplier.tax_number.as_deref(),
        })
    }
}

/// A user or a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The name.
    pub name: String,
    /// Employee code or team code.
    pub code: Option<String>,
}

/// A receipt to fetch. Its address works for 24 hours after the item was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptFile {
    /// Where it is.
    pub url: String,
    /// What Pleo says it is (`application/pdf`, `pdf`), when it does.
    pub media_type: Option<String>,
    /// Its size in bytes, when Pleo says so.
    pub size: Option<u64>,
}

/// Facts about an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceInformation {
    /// The vendor's number.
    pub number: String,
    /// When it was issued; a plain date, never shifted.
    pub invoice_date: Option<NaiveDate>,
    /// When it is due; a plain date, never shifted.
    pub due_date: Option<NaiveDate>,
}

/// How the company wants the item booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// As one journal entry.
    Journal,
    /// As vendor bill and payment.
    AccountsPayable,
    /// "none": a movement that is never payable; a journal entry.
    NotPayable,
    /// Pleo says nothing: vendor tagging is off.
    Absent,
    /// A word that this version does not know.
    Unknown(String),
}

impl Method {
    /// Pleo's word for it; empty where Pleo says nothing.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Journal => "journal",
            Self::AccountsPayable => "accounts_payable",
            Self::NotPayable => "none",
            Self::Absent => "",
            Self::Unknown(text) => text,
        }
    }

    /// Reads Pleo's word.
    pub fn from_wire(text: Option<&str>) -> Self {
        match text {
            None => Self::Absent,
            Some("journal") => Self::Journal,
            Some("accounts_payable") => Self::AccountsPayable,
            Some("none") => Self::NotPayable,
            Some(other) => Self::Unknown(other.to_owned()),
        }
    }
}

macro_rules! foreign_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A word that this version does not know.
            Unknown(String),
        }

        impl $name {
            /// Every value that the contract names.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Pleo's word for it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Unknown(text) => text,
                }
            }

            /// Reads Pleo's word.
            pub fn from_wire(text: &str) -> Self {
                match text {
                    $($word => Self::$variant,)*
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }
    };
}

foreign_words! {
    /// The seventeen types of the contract (`ExportItemTypeV3`).
    ItemType {
        /// Bought with a Pleo card.
        CardPurchase = "card_purchase",
        /// One document that is invoice and card payment at once.
        CardInvoice = "card_invoice",
        /// Paid by an employee, who is owed the money.
        OutOfPocket = "out_of_pocket",
        /// Allowance for driving one's own car.
        Mileage = "mileage",
        /// Daily travel allowance.
        PerDiem = "per_diem",
        /// An employee was paid back outside of Pleo.
        ExternalReimbursement = "external_reimbursement",
        /// An employee was paid back from the wallet.
        DirectReimbursement = "direct_reimbursement",
        /// A supplier's invoice.
        Invoice = "invoice",
        /// The payment of an invoice from the wallet.
        InvoicePayment = "invoice_payment",
        /// A card expense that was disputed and given back.
        Chargeback = "chargeback",
        /// Money back from the merchant.
        Refund = "refund",
        /// Money back from Pleo.
        Cashback = "cashback",
        /// Cash taken with the card: the employee owes it.
        AtmWithdrawal = "atm_withdrawal",
        /// Money moved into the wallet.
        WalletTopup = "wallet_topup",
        /// Money moved out of the wallet.
        WalletUnload = "wallet_unload",
        /// Private use of the card: the employee owes it.
        PersonalSpend = "personal_spend",
        /// What Pleo charges.
        Fee = "fee",
    }
}

foreign_words! {
    /// The six sub-types of the contract (`ExportItemSubTypeV3`).
    SubType {
        /// A reimbursement that bounced.
        ReimbursementToEmployeeRefund = "reimbursement_to_employee_refund",
        /// An employee paid the company back.
        ReimbursementToCompany = "reimbursement_to_company",
        /// The usual reimbursement.
        ReimbursementToEmployee = "reimbursement_to_employee",
        /// An invoice payment that came back.
        InvoicePaymentReturned = "invoice_payment_returned",
        /// The usual invoice payment.
        InvoicePaymentSent = "invoice_payment_sent",
        /// Interest charged as a fee.
        Interest = "interest",
    }
}
