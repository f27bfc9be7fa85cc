//! Reading a sound export item at one go. Nearly all are sound, and [`super::item`], which
//! knows what to make of every oddity, walks through each object once for each level that it is deep.
//!
//! Whatever is odd here is an error without a text, and the item is read the other way: what this reader takes, that
//! one would read alike. The tests hold the two against each other.

mod values;

use serde::Deserialize;

use super::item::millionths;
use super::malformed::LONGEST_CODE;
use crate::model::export_item::{
    AccountReference, ExportItem, InvoiceInformation, ItemType, Line, Method, Party, ReceiptFile, SubType,
    Supplier, Tag, Tax, TaxType, Vendor,
};
use crate::model::ids::{AccountingEntryId, CompanyId};
use crate::model::money::{Amount, Currency, Money};
use crate::model::payload::Payload;
use values::{Code, Day, Figure, Moment, Object, Text, code, given};

/// Reads an export item in which nothing is odd.
pub(super) fn export_item(payload: &str) -> Option<ExportItem> {
    let Object(item): Object<ItemFields> = serde_json::from_str(payload).ok()?;
    item.into_model(payload)
}

/// The key of an export item, where it is sound.
pub(super) fn entry_id(payload: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Key {
        accounting_entry_id: Text,
    }
    let Object(item): Object<Key> = serde_json::from_str(payload).ok()?;
    item.accounting_entry_id.unless_blank()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemFields {
    accounting_entry_id: Text,
    company_id: Text,
    #[serde(rename = "type")]
    item_type: Text,
    sub_type: Option<Text>,
    date: Moment,
    amount: Object<Amounts>,
    accounting_entry_lines: Vec<Object<LineFields>>,
    bookkeeping: Option<Object<Bookkeeping>>,
    contra_account: Option<Object<Account>>,
    supplier: Option<Object<SupplierFields>>,
    vendor: Option<Object<VendorFields>>,
    user: Option<Object<PartyFields>>,
    team: Option<Object<PartyFields>>,
    note: Option<Text>,
    files: Option<Vec<Option<Object<File>>>>,
    additional_information: Object<Additional>,
    service_period: Option<Object<Period>>,
    #[serde(rename = "_links")]
    links: Option<Object<Links>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Amounts {
    in_wallet_currency: Object<MoneyFields>,
    in_supplier_currency: Option<Object<MoneyFields>>,
}

#[derive(Deserialize)]
struct MoneyFields {
    value: Figure,
    currency: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineFields {
    accounting_entry_line_id: Text,
    line_amount: Object<Amounts>,
    net_amount: Object<WalletAmount>,
    account: Option<Object<Account>>,
    tags: Option<Vec<Option<Object<TagFields>>>>,
    tax: Option<Object<TaxFields>>,
}

/// Amounts of which only one counts: the other may be anything.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WalletAmount {
    in_wallet_currency: Object<MoneyFields>,
}

#[derive(Deserialize)]
struct Account {
    code: Option<Code>,
    identifier: Option<Code>,
    name: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TagFields {
    group_code: Code,
    code: Code,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaxFields {
    code: Option<Code>,
    rate: Code,
    #[serde(rename = "type")]
    tax_type: Text,
    amount: Object<WalletAmount>,
    ingoing_tax_account: Option<Code>,
    outgoing_tax_account: Option<Code>,
}

#[derive(Deserialize)]
struct Bookkeeping {
    method: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SupplierFields {
    name: Option<Text>,
    code: Option<Code>,
    account: Option<Code>,
    tax_identifier: Option<Code>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VendorFields {
    name: Text,
    code: Option<Code>,
    external_id: Option<Code>,
    tax_registration_number: Option<Code>,
}

#[derive(Deserialize)]
struct PartyFields {
    name: Option<Text>,
    code: Option<Code>,
}

#[derive(Deserialize)]
struct File {
    url: Text,
    #[serde(rename = "type")]
    media_type: Option<Text>,
    size: Option<Figure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Additional {
    reconciliation_id: Code,
    reconciled_entries: Option<Vec<Option<Code>>>,
    attendees: Option<Vec<Option<Text>>>,
    invoice_information: Option<Object<InvoiceFields>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InvoiceFields {
    invoice_number: Code,
    invoice_date: Option<Day>,
    due_date: Option<Day>,
}

#[derive(Deserialize)]
struct Period {
    from: Moment,
    to: Moment,
}

#[derive(Deserialize)]
struct Links {
    web: Option<Object<WebLinks>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WebLinks {
    export_item: Text,
}

impl ItemFields {
    fn into_model(self, payload: &str) -> Option<ExportItem> {
        let wallet = self.amount.0.in_wallet_currency.0.into_model()?;
        let information = self.additional_information.0;
        let lines = self.accounting_entry_lines.into_iter();
        let files = self.files.into_iter().flatten().flatten();
        Some(ExportItem {
            entry_id: AccountingEntryId::new(self.accounting_entry_id.identifier()?),
            company_id: CompanyId::new(self.company_id.identifier()?),
            item_type: ItemType::from_wire(&self.item_type.unless_blank()?),
            sub_type: given(self.sub_type).as_deref().map(SubType::from_wire),
            date: self.date.0,
            amount: wallet,
            supplier_amount: match self.amount.0.in_supplier_currency {
                Some(amount) => Some(amount.0.into_model()?),
                None => None,
            },
            lines: lines
                .map(|line| line.0.into_model(wallet.currency))
                .collect::<Option<_>>()?,
            method: self.bookkeeping.map_or(Method::Absent, |bookkeeping| {
                Method::from_wire(bookkeeping.0.method.as_ref().map(|method| method.0.as_str()))
            }),
            contra_account: self.contra_account.map(Account::into_model),
            supplier: self.supplier.map(SupplierFields::into_model),
            vendor: match self.vendor {
                Some(vendor) => Some(vendor.0.into_model()?),
                None => None,
            },
            user: self.user.map(PartyFields::into_model),
            team: self.team.map(PartyFields::into_model),
            note: given(self.note),
            files: files.map(|file| file.0.into_model()).collect::<Option<_>>()?,
            book_id: information.reconciliation_id.0,
            reconciled_entries: present(information.reconciled_entries, |entry| entry.0),
            attendees: present(information.attendees, |attendee| attendee.0),
            invoice: information.invoice_information.map(InvoiceFields::into_model),
            service_period: self
                .service_period
                .map(|Object(period)| (period.from.0.date_naive(), period.to.0.date_naive())),
            web_link: self
                .links
                .and_then(|links| links.0.web)
                .map(|web| web.0.export_item.0),
            remarks: Vec::new(),
            payload: Payload::new(payload),
        })
    }
}

/// The elements of a list without its nulls.
fn present<T, U>(list: Option<Vec<Option<T>>>, model: impl Fn(T) -> U) -> Vec<U> {
    list.into_iter().flatten().flatten().map(model).collect()
}

impl MoneyFields {
    fn into_model(self) -> Option<Money> {
        Some(Money {
            amount: self.value.0,
            currency: self.currency.0.parse().ok()?,
        })
    }

    fn in_currency(self, wallet: Currency) -> Option<Amount> {
        let money = self.into_model()?;
        Some(money.amount).filter(|_| money.currency == wallet)
    }
}

impl LineFields {
    fn into_model(self, wallet: Currency) -> Option<Line> {
        let amounts = self.line_amount.0;
        Some(Line {
            line_id: self.accounting_entry_line_id.identifier()?,
            amount: amounts.in_wallet_currency.0.in_currency(wallet)?,
            net_amount: self.net_amount.0.in_wallet_currency.0.in_currency(wallet)?,
            supplier_amount: match amounts.in_supplier_currency {
                Some(amount) => Some(amount.0.into_model()?),
                None => None,
            },
            account: self.account.map(Account::into_model),
            tags: present(self.tags, |Object(tag)| Tag {
                group: tag.group_code.0,
                code: tag.code.0,
            }),
            tax: match self.tax {
                Some(tax) => Some(tax.0.into_model(wallet)?),
                None => None,
            },
        })
    }
}

impl TaxFields {
    fn into_model(self, wallet: Currency) -> Option<Tax> {
        Some(Tax {
            code: code(self.code),
            rate_millionths: millionths(&self.rate.0),
            rate: self.rate.0,
            tax_type: TaxType::from_wire(&self.tax_type.0),
            amount: self.amount.0.in_wallet_currency.0.in_currency(wallet)?,
            ingoing_account: code(self.ingoing_tax_account),
            outgoing_account: code(self.outgoing_tax_account),
        })
    }
}

impl Account {
    fn into_model(account: Object<Self>) -> AccountReference {
        AccountReference {
            code: code(account.0.code),
            identifier: code(account.0.identifier),
            name: given(account.0.name).unwrap_or_default(),
        }
    }
}

impl SupplierFields {
    fn into_model(supplier: Object<Self>) -> Supplier {
        Supplier {
            name: given(supplier.0.name),
            code: code(supplier.0.code),
            account: code(supplier.0.account),
            tax_number: code(supplier.0.tax_identifier),
        }
    }
}

impl VendorFields {
    fn into_model(self) -> Option<Vendor> {
        let (name, code_of_it) = (self.name.unless_blank()?, code(self.code));
        let external_id = code(self.external_id);
        // Without either it is found by its name, which must be short then.
        if code_of_it.is_none() && external_id.is_none() && name.len() > LONGEST_CODE {
            return None;
        }
        Some(Vendor {
            name,
            code: code_of_it,
            external_id,
            tax_number: code(self.tax_registration_number),
        })
    }
}

impl PartyFields {
    fn into_model(party: Object<Self>) -> Party {
        Party {
            name: given(party.0.name).unwrap_or_default(),
            code: code(party.0.code),
        }
    }
}

impl File {
    fn into_model(self) -> Option<ReceiptFile> {
        Some(ReceiptFile {
            url: self.url.unless_blank()?,
            media_type: given(self.media_type),
            size: self
                .size
                .map(|size| u64::try_from(size.0.in_hundredths()).unwrap_or(0)),
        })
    }
}

impl InvoiceFields {
    fn into_model(invoice: Object<Self>) -> InvoiceInformation {
        let Object(invoice) = invoice;
        InvoiceInformation {
            number: invoice.invoice_number.0,
            invoice_date: invoice.invoice_date.map(|day| day.0),
            due_date: invoice.due_date.map(|day| day.0),
        }
    }
}
