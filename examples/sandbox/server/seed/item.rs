//! A builder for export items: says what is special about an item and fills in the rest as Pleo would. Amounts are
//! hundredths of the wallet currency, tax included.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::super::clock::stamp;
use super::super::receipts::{MISSING, content_type, made_up};
use super::company::{SUPPLIERS, TEAMS, USERS};
use super::uuid_of;

/// One line of a split.
#[derive(Clone, Debug)]
pub struct Line {
    pub(super) account: Option<String>,
    pub(super) amount: i64,
    pub(super) tax: Option<String>,
    pub(super) tags: Vec<(String, String)>,
}

impl Line {
    /// A line of this amount on the account with this code.
    pub fn new(account: &str, amount: i64) -> Self {
        Self {
            account: Some(account.to_owned()),
            amount,
            tax: None,
            tags: Vec::new(),
        }
    }

    /// With the company's tax code of this name.
    pub fn tax(mut self, code: &str) -> Self {
        self.tax = Some(code.to_owned());
        self
    }

    /// With one more tag.
    pub fn tag(mut self, group: &str, code: &str) -> Self {
        self.tags.push((group.to_owned(), code.to_owned()));
        self
    }
}

/// An export item in the making.
#[derive(Clone, Debug)]
pub struct Item {
    pub(super) kind: &'static str,
    pub(super) amount: i64,
    pub(super) number: u64,
    pub(super) wallet: String,
    pub(super) supplier_amount: Option<(String, i64)>,
    pub(super) lines: Vec<Line>,
    pub(super) has_contra_account: bool,
    pub(super) files: Vec<Value>,
    pub(super) additional: Map<String, Value>,
    pub(super) fields: Map<String, Value>,
}

macro_rules! constructors {
    ($($kind:ident: $default_account:expr;)*) => {
        /// One constructor for each type. The amount is in hundredths of the wallet currency, here DKK.
        #[allow(missing_docs, reason = "each is named as the type that it makes")]
        impl Item {
            $(pub fn $kind(amount: i64) -> Self { Self::of(stringify!($kind), amount, $default_account) })*
        }
    };
}

constructors! {
    card_purchase: Some("6800");
    card_invoice: Some("6830");
    out_of_pocket: Some("6810");
    mileage: Some("6860");
    per_diem: Some("6870");
    external_reimbursement: None;
    direct_reimbursement: None;
    invoice: Some("6850");
    invoice_payment: None;
    chargeback: Some("6800");
    refund: Some("6830");
    cashback: Some("3950");
    atm_withdrawal: None;
    wallet_topup: None;
    wallet_unload: None;
    personal_spend: None;
    fee: Some("6880");
}

/// The types that move money in the wallet; only they bring a contra account.
const MOVES_WALLET: [&str; 12] = [
    "card_purchase",
    "fee",
    "cashback",
    "refund",
    "chargeback",
    "direct_reimbursement",
    "invoice_payment",
    "card_invoice",
    "atm_withdrawal",
    "personal_spend",
    "wallet_topup",
    "wallet_unload",
];

impl Item {
    fn of(kind: &'static str, amount: i64, account: Option<&str>) -> Self {
        let line = Line {
            account: account.map(ToOwned::to_owned),
            amount,
            tax: None,
            tags: Vec::new(),
        };
        Self {
            kind,
            amount,
            number: fastrand::u64(..),
            wallet: "DKK".to_owned(),
            supplier_amount: None,
            lines: vec![line],
            has_contra_account: MOVES_WALLET.contains(&kind),
            files: Vec::new(),
            additional: Map::new(),
            fields: Map::new(),
        }
        .set("date", json!("2026-09-14T10:30:00Z"))
    }

    /// Makes every id follow from `number`; without it they are random.
    pub fn numbered(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// Sets a field of the item as it will stand in the payload.
    pub fn set(mut self, key: &str, value: Value) -> Self {
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// Sets the accounting entry id.
    pub fn id(self, uuid: &str) -> Self {
        self.set("accountingEntryId", json!(uuid))
    }

    /// Sets the date, RFC 3339.
    pub fn date(self, date: &str) -> Self {
        self.set("date", json!(date))
    }

    /// Sets the date.
    pub fn at(self, date: DateTime<Utc>) -> Self {
        self.date(&stamp(date))
    }

    /// Sets the note.
    pub fn note(self, text: &str) -> Self {
        self.set("note", json!(text))
    }

    /// Sets the sub type.
    pub fn sub_type(self, name: &str) -> Self {
        self.set("subType", json!(name))
    }

    /// Sets the wallet's currency, and with it the contra account.
    pub fn wallet(mut self, currency: &str) -> Self {
        currency.clone_into(&mut self.wallet);
        self
    }

    /// Sets what the supplier was paid, in hundredths of a currency of its own.
    pub fn supplier_currency(mut self, currency: &str, amount: i64) -> Self {
        self.supplier_amount = Some((currency.to_owned(), amount));
        self
    }

    /// Takes the contra account away.
    pub fn without_contra_account(mut self) -> Self {
        self.has_contra_account = false;
        self
    }

    /// Replaces the lines; their amounts should add up to the item's.
    pub fn split(mut self, lines: impl IntoIterator<Item = Line>) -> Self {
        self.lines = lines.into_iter().collect();
        self
    }

    /// Sets the account of every line.
    pub fn account(mut self, code: &str) -> Self {
        self.lines
            .iter_mut()
            .for_each(|line| line.account = Some(code.to_owned()));
        self
    }

    /// Takes the account of every line away.
    pub fn without_account(mut self) -> Self {
        self.lines.iter_mut().for_each(|line| line.account = None);
        self
    }

    /// Sets the tax code of every line.
    pub fn tax(mut self, code: &str) -> Self {
        self.lines
            .iter_mut()
            .for_each(|line| line.tax = Some(code.to_owned()));
        self
    }

    /// Takes the tax of every line away.
    pub fn without_tax(mut self) -> Self {
        self.lines.iter_mut().for_each(|line| line.tax = None);
        self
    }

    /// Adds a tag to every line.
    pub fn tag(mut self, group: &str, code: &str) -> Self {
        self.lines
            .iter_mut()
            .for_each(|line| line.tags.push((group.to_owned(), code.to_owned())));
        self
    }

    /// Sets the supplier: one of the company's by name, else a stranger with this name.
    pub fn supplier(self, name: &str) -> Self {
        let value = match SUPPLIERS.iter().find(|supplier| supplier.name == name) {
            Some(known) => json!({
                "name": known.name,
                "country": known.country,
                "code": known.code,
                "categoryCode": known.category,
                "taxIdentifier": known.tax_id,
            }),
            None => json!({ "name": name }),
        };
        self.set("supplier", value)
    }

    /// Sets supplier and vendor: one of the company's by name, else a stranger whose vendor code is the name.
    pub fn vendor(self, name: &str) -> Self {
        let mut vendor = json!({ "id": uuid_of(&format!("vendor {name}")), "name": name });
        if let Some(known) = SUPPLIERS.iter().find(|supplier| supplier.name == name) {
            vendor["code"] = json!(known.code);
            vendor["externalId"] = json!(known.code);
            vendor["country"] = json!(known.country);
            vendor["defaultCurrency"] = json!(known.currency);
            vendor["taxRegistrationNumber"] = json!(known.tax_id);
        } else {
            vendor["code"] = json!(name);
            vendor["defaultCurrency"] = json!("DKK");
        }
        self.supplier(name).set("vendor", vendor)
    }

    /// Sets the bookkeeping method: `none`, `journal` or `accounts_payable`.
    pub fn method(self, name: &str) -> Self {
        self.set("bookkeeping", json!({ "method": name }))
    }

    /// Sets the person, one of the company's by position.
    pub fn user(self, position: usize) -> Self {
        let (name, code) = USERS[position % USERS.len()];
        self.set("user", json!({ "id": uuid_of(name), "name": name, "code": code }))
    }

    /// Sets the team, one of the company's by position.
    pub fn team(self, position: usize) -> Self {
        let (name, code) = TEAMS[position % TEAMS.len()];
        self.set("team", json!({ "id": uuid_of(name), "name": name, "code": code }))
    }

    /// Sets the period in which the service was provided.
    pub fn service_period(self, from: &str, to: &str) -> Self {
        self.set("servicePeriod", json!({ "from": from, "to": to }))
    }

    /// Sets a field of the additional information.
    pub fn additional(mut self, key: &str, value: Value) -> Self {
        self.additional.insert(key.to_owned(), value);
        self
    }

    /// Sets who was there.
    pub fn attendees(self, names: &[&str]) -> Self {
        self.additional("attendees", json!(names))
    }

    /// Sets the book ids of the expenses that a reimbursement settles.
    pub fn reconciles(self, book_ids: &[String]) -> Self {
        self.additional("reconciledEntries", json!(book_ids))
    }

    /// Sets the invoice: its number, date and due date (RFC 3339).
    pub fn invoice_information(self, number: &str, date: &str, due: &str) -> Self {
        let information =
            json!({ "invoiceNumber": number, "invoiceDate": date, "dueDate": due, "status": "paid" });
        self.additional("invoiceInformation", information)
    }

    /// Adds a receipt at this address, which the sandbox leaves alone unless it is one of its own.
    pub fn file(mut self, url: &str, content_type: &str, size: usize) -> Self {
        self.files
            .push(json!({ "url": url, "type": content_type, "size": size }));
        self
    }

    /// Adds a made-up receipt (`pdf` or `png`) that shows supplier, amount, and what number of receipt it is.
    pub fn receipt(self, kind: &str) -> Self {
        let supplier = self
            .fields
            .get("supplier")
            .and_then(|supplier| supplier["name"].as_str());
        let (whole, hundredths) = (self.amount / 100, (self.amount % 100).abs());
        let lines = [
            supplier.unwrap_or("Receipt").replace('|', " "),
            format!("{} {whole}.{hundredths:02}", self.wallet),
            format!("Entry {:016x}", self.number),
            format!("Document {}", self.files.len() + 1),
        ];
        let url = format!("receipt:{kind}:{}", lines.join("|"));
        let size = made_up(&url).map_or(0, |bytes| bytes.len());
        self.file(&url, content_type(kind), size)
    }

    /// Adds a receipt whose address answers 404.
    pub fn missing_receipt(self) -> Self {
        self.file(MISSING, "application/pdf", 48_213)
    }
}
