//! A small language for items: an item as a few words.

use chrono::NaiveDate;
use pleo_export::model::export_item::{
    AccountReference, ExportItem, InvoiceInformation, ItemType, Line, Method, Party, SubType, Supplier, Tag,
    Tax, TaxType, Vendor,
};
use pleo_export::model::ids::{AccountingEntryId, CompanyId};
use pleo_export::model::money::{Amount, Money};

pub(crate) fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// `"125.00 DKK"`.
pub(crate) fn money(text: &str) -> Money {
    let (amount, currency) = text.split_once(' ').unwrap();
    Money {
        amount: amount.parse().unwrap(),
        currency: currency.parse().unwrap(),
    }
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// `"6800 Meals"`: code and name.
fn account(text: &str) -> AccountReference {
    let (code, name) = text.split_once(' ').unwrap_or((text, text));
    AccountReference {
        code: Some(code.to_owned()),
        identifier: None,
        name: name.to_owned(),
    }
}

/// An item under construction.
#[derive(Clone, Debug)]
pub(crate) struct Item(pub(crate) ExportItem);

/// An item of 15 March 2026, noon, in DKK.
pub(crate) fn item(item_type: &str, total: &str) -> Item {
    Item(ExportItem {
        entry_id: AccountingEntryId::new("entry-1"),
        company_id: CompanyId::new("company"),
        item_type: ItemType::from_wire(item_type),
        sub_type: None,
        date: "2026-03-15T12:00:00Z".parse().unwrap(),
        amount: Money {
            amount: amount(total),
            currency: "DKK".parse().unwrap(),
        },
        supplier_amount: None,
        lines: Vec::new(),
        method: Method::Absent,
        contra_account: None,
        supplier: None,
        vendor: None,
        user: Some(Party {
            name: "Anna Berg".to_owned(),
            code: Some("E7".to_owned()),
        }),
        team: None,
        note: None,
        files: Vec::new(),
        book_id: "1000001".to_owned(),
        reconciled_entries: Vec::new(),
        attendees: Vec::new(),
        invoice: None,
        service_period: None,
        web_link: None,
        remarks: Vec::new(),
        payload: pleo_export::model::payload::Payload::default(),
    })
}

impl Item {
    pub(crate) fn id(mut self, id: &str) -> Self {
        self.0.entry_id = AccountingEntryId::new(id);
        self
    }

    pub(crate) fn sub_type(mut self, word: &str) -> Self {
        self.0.sub_type = Some(SubType::from_wire(word));
        self
    }

    pub(crate) fn on(mut self, time: &str) -> Self {
        self.0.date = time.parse().unwrap();
        self
    }

    /// Booked as a payable of vendor V-100, Nordic Office.
    pub(crate) fn payable(self) -> Self {
        self.method("accounts_payable").vendor("V-100")
    }

    pub(crate) fn method(mut self, word: &str) -> Self {
        self.0.method = Method::from_wire(Some(word));
        self
    }

    pub(crate) fn vendor(mut self, code: &str) -> Self {
        self.0.vendor = Some(Vendor {
            name: "Nordic Office".to_owned(),
            code: Some(code.to_owned()),
            external_id: None,
            tax_number: None,
        });
        self
    }

    pub(crate) fn supplier(mut self, name: &str, code: Option<&str>) -> Self {
        self.0.supplier = Some(Supplier {
            name: Some(name.to_owned()),
            code: code.map(str::to_owned),
            ..Supplier::default()
        });
        self
    }

    /// The amount in the supplier's currency.
    pub(crate) fn foreign(mut self, text: &str) -> Self {
        self.0.supplier_amount = Some(money(text));
        self
    }

    /// The currency of the wallet, where it is not DKK.
    pub(crate) fn wallet(mut self, currency: &str) -> Self {
        self.0.amount.currency = currency.parse().unwrap();
        self
    }

    pub(crate) fn contra(mut self, text: &str) -> Self {
        self.0.contra_account = Some(account(text));
        self
    }

    pub(crate) fn invoice(mut self, number: &str) -> Self {
        self.0.invoice = Some(InvoiceInformation {
            number: number.to_owned(),
            invoice_date: Some(day("2026-03-01")),
            due_date: Some(day("2026-03-31")),
        });
        self
    }

    /// A line without tax.
    pub(crate) fn line(mut self, account_text: &str, total: &str) -> Self {
        self.0.lines.push(Line {
            line_id: format!("line-{}", self.0.lines.len() + 1),
            amount: amount(total),
            net_amount: amount(total),
            supplier_amount: None,
            account: Some(account(account_text)),
            tags: Vec::new(),
            tax: None,
        });
        self
    }

    /// A line as Pleo sends it: line amount, net amount, tax code and tax amount.
    pub(crate) fn taxed(mut self, account_text: &str, line: &str, net: &str, code: &str, tax: &str) -> Self {
        self = self.line(account_text, line);
        let line = self.0.lines.last_mut().unwrap();
        line.net_amount = amount(net);
        line.tax = Some(Tax {
            code: Some(code.to_owned()),
            rate: "0.25".to_owned(),
            rate_millionths: Some(250_000),
            tax_type: TaxType::Inclusive,
            amount: amount(tax),
            ingoing_account: None,
            outgoing_account: None,
        });
        self
    }

    /// A line under reverse charge, with tax code R25.
    pub(crate) fn reverse(self, account_text: &str, line: &str, net: &str, tax: &str) -> Self {
        self.taxed(account_text, line, net, "R25", tax)
            .tax_word("reverse")
    }

    /// What Pleo calls the kind of the last line's tax.
    pub(crate) fn tax_word(self, word: &str) -> Self {
        self.last_tax(|tax| tax.tax_type = TaxType::from_wire(word))
    }

    pub(crate) fn last_tax(mut self, change: impl FnOnce(&mut Tax)) -> Self {
        change(self.0.lines.last_mut().unwrap().tax.as_mut().unwrap());
        self
    }

    pub(crate) fn last_line(mut self, change: impl FnOnce(&mut Line)) -> Self {
        change(self.0.lines.last_mut().unwrap());
        self
    }

    pub(crate) fn tag(self, group: &str, code: &str) -> Self {
        self.last_line(|line| {
            line.tags.push(Tag {
                group: group.to_owned(),
                code: code.to_owned(),
            });
        })
    }
}
