//! The payload of an item as Pleo writes it: amounts in both currencies on every level, taxes counted from the lines.

use serde_json::{Map, Value, json};

use super::company::{ACCOUNTS, CONTRA_ACCOUNTS, TAXES, Tax};
use super::item::{Item, Line};
use super::{COMPANY_ID, uuid_of};

impl Item {
    /// The payload.
    pub fn build(self) -> Value {
        let number = self.number;
        let (currency, supplier_amount) = self
            .supplier_amount
            .clone()
            .unwrap_or((self.wallet.clone(), self.amount));
        let money = |wallet: i64| {
            let supplier = share(supplier_amount, wallet, self.amount);
            json!({
                "inSupplierCurrency": { "currency": currency, "value": supplier },
                "inWalletCurrency": { "currency": self.wallet, "value": wallet },
            })
        };
        let lines = self
            .lines
            .iter()
            .enumerate()
            .map(|(position, line)| line_value(line, number, position, &money));
        let mut item = Map::new();
        item.insert(
            "_links".to_owned(),
            json!({ "web": { "exportItem": "https://app.pleo.io/export" } }),
        );
        item.insert(
            "accountingEntryId".to_owned(),
            json!(uuid_of(&format!("entry {number}"))),
        );
        item.insert("companyId".to_owned(), json!(COMPANY_ID));
        item.insert("type".to_owned(), json!(self.kind));
        item.insert("amount".to_owned(), money(self.amount));
        item.insert("accountingEntryLines".to_owned(), lines.collect());
        if self.has_contra_account
            && let Some((_, (code, name))) = CONTRA_ACCOUNTS
                .iter()
                .find(|(currency, _)| *currency == self.wallet)
        {
            item.insert(
                "contraAccount".to_owned(),
                json!({ "id": uuid_of(name), "name": name, "code": code }),
            );
        }
        if !self.files.is_empty() {
            item.insert("files".to_owned(), json!(self.files));
        }
        let mut additional = self.additional;
        additional
            .entry("reconciliationId")
            .or_insert_with(|| json!(book_id(number)));
        item.insert("additionalInformation".to_owned(), Value::Object(additional));
        item.extend(self.fields);
        Value::Object(item)
    }
}

/// The book id of the item with this number: seven digits.
pub fn book_id(number: u64) -> String {
    (1_000_000 + number % 9_000_000).to_string()
}

fn line_value(line: &Line, number: u64, position: usize, money: &dyn Fn(i64) -> Value) -> Value {
    let tax = line
        .tax
        .as_deref()
        .and_then(|code| TAXES.iter().find(|tax| tax.code == code));
    let amount_of_tax = tax.map_or(0, |tax| tax_in(line.amount, tax));
    let is_in_price = tax.is_some_and(|tax| tax.kind != "reverse");
    let net = if is_in_price {
        line.amount - amount_of_tax
    } else {
        line.amount
    };
    let mut value = json!({
        "accountingEntryLineId": uuid_of(&format!("line {number} {position}")),
        "lineAmount": money(line.amount),
        "netAmount": money(net),
    });
    if let Some(code) = &line.account {
        let name = ACCOUNTS
            .iter()
            .find(|(known, _)| known == code)
            .map_or("Other", |(_, name)| name);
        value["account"] = json!({ "id": uuid_of(&format!("account {code}")), "name": name, "code": code });
    }
    if !line.tags.is_empty() {
        let tag = |(group, code): &(String, String)| json!({ "id": uuid_of(&format!("tag {group} {code}")), "groupCode": group, "code": code });
        value["tags"] = line.tags.iter().map(tag).collect();
    }
    if let Some(tax) = tax {
        let mut details = json!({
            "id": uuid_of(tax.code),
            "code": tax.code,
            "rate": tax.rate,
            "type": tax.kind,
            "amount": money(amount_of_tax),
        });
        for (key, account) in [
            ("ingoingTaxAccount", tax.ingoing),
            ("outgoingTaxAccount", tax.outgoing),
        ] {
            if let Some(account) = account {
                details[key] = json!(account);
            }
        }
        value["tax"] = details;
    }
    value
}

/// The tax in an amount, or for reverse charge on top of it.
fn tax_in(amount: i64, tax: &Tax) -> i64 {
    match tax.kind {
        "reverse" => share(amount, tax.basis_points, 10_000),
        _ => share(amount, tax.basis_points, 10_000 + tax.basis_points),
    }
}

/// `amount` times `part` of `whole`, rounded half away from zero.
fn share(amount: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    let product = i128::from(amount) * i128::from(part);
    let (product, whole) = if whole < 0 {
        (-product, -i128::from(whole))
    } else {
        (product, i128::from(whole))
    };
    let rounded = (2 * product.abs() + whole) / (2 * whole) * product.signum();
    i64::try_from(rounded).unwrap_or(i64::MAX)
}
