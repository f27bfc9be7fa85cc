//! A connector in one file, to begin your own from: books into a CSV journal that other systems import.
//!
//! Its only argument is a folder: it reads `accounts.txt` (a code a line) and `closed-until.txt` (the last closed day)
//! there and writes `journal/ENTRY.csv`.

use std::{fs, io, io::Write, path::Path};

use serde_json::{Value, json};

/// How many there are in each row.
const COLUMNS: usize = 9;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = fs::canonicalize(std::env::args_os().nth(1).ok_or("usage: csv_connector FOLDER")?)?;
    fs::create_dir_all(folder.join("journal"))?;
    // It ends when stdin does, and also when a file fails: whoever asked then starts it anew and asks again.
    for line in io::stdin().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let mut answer = answer(&folder, &request)?;
        answer["id"] = request["id"].clone();
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}

fn answer(folder: &Path, request: &Value) -> io::Result<Value> {
    Ok(match word(&request["verb"]) {
        "hello" => json!({ "ok": {
            "protocol": 1, "name": "CSV journal", "target": folder, "create": "unique",
            "payables": false, "attachments": { "largest": 20_000_000 }, "computes_tax": false,
        } }),
        "resolve" => resolve(folder, request)?,
        "find" => {
            let found = list(&request["entries"]).map(|wanted| find(folder, &wanted["entry_id"]));
            json!({ "ok": { "entries": found.collect::<io::Result<Vec<_>>>()? } })
        }
        "book" => book(folder, &request["item"])?,
        "attach" => attach(folder, request)?,
        _ => json!({ "ok": {} }),
    })
}

/// One answer for each question, in the same order; null for what is not there.
fn resolve(folder: &Path, request: &Value) -> io::Result<Value> {
    let chart = read(folder, "accounts.txt")?;
    // The accounting system's own id is the stronger word for an account; here both are codes of one list.
    let account = |wanted: &Value| {
        let known = |word: &str| chart.lines().find(|code| wanted[word] == *code);
        let code = known("code").or_else(|| known("account_code"))?;
        Some(json!({ "reference": code, "name": code }))
    };
    let closed = read(folder, "closed-until.txt")?;
    Ok(json!({ "ok": {
        "accounts": list(&request["accounts"]).map(account).collect::<Vec<_>>(),
        "tags": list(&request["tags"]).map(|tag| &tag["code"]).collect::<Vec<_>>(),
        "closed_until": { "all": Some(closed).filter(|day| !day.is_empty()) },
    } }))
}

fn find(folder: &Path, entry: &Value) -> io::Result<Value> {
    Ok(match booked(folder, word(entry))? {
        Some(booked) => json!({ "entry_id": entry, "state": "complete", "booked": booked }),
        None => json!({ "entry_id": entry, "state": "absent", "next_revision": 1 }),
    })
}

/// Everything is checked first, then one file is written. Where no bills are kept an item has one document.
fn book(folder: &Path, item: &Value) -> io::Result<Value> {
    let entry = word(&item["entry_id"]);
    if let Some(booked) = booked(folder, entry)? {
        return Ok(json!({ "ok": booked }));
    }
    let date = word(&item["documents"][0]["posting_date"]);
    if date <= read(folder, "closed-until.txt")?.as_str() {
        let reason = format!("The books are closed on {date}: open the period, then export again.");
        return Ok(json!({ "error": { "kind": "rejected", "reason": reason } }));
    }
    let chart = read(folder, "accounts.txt")?;
    let (revision, hash, amount) = (&item["revision"], word(&item["content_hash"]), &item["amount"]);
    let (total, currency) = (&amount["hundredths"], word(&amount["currency"]));
    let entry_cell = text_cell(entry);
    let head = format!(
        "{entry_cell},{date},{revision},{hash},{total},{}",
        text_cell(currency)
    );
    let mut rows =
        vec!["entry,date,revision,hash,total_hundredths,currency,account,amount,text\r\n".to_owned()];
    for posting in list(&item["documents"][0]["postings"]) {
        let account = word(&posting["account"]["reference"]);
        if !chart.lines().any(|code| code == account) {
            let reason = format!("Account {account} is not in accounts.txt: add it, then export again.");
            let error = json!({ "kind": "rejected", "type": "account_unknown", "reason": reason });
            return Ok(json!({ "error": error }));
        }
        let amount = posting["amount"]["hundredths"].as_i64().unwrap_or_default();
        let (sign, all) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
        let amount = format!("{sign}{}.{:02}", all / 100, all % 100);
        let (account, text) = (text_cell(account), text_cell(word(&item["description"])));
        rows.push(format!("{head},{account},{amount},{text}\r\n"));
    }
    create(folder, &file_name(entry), rows.concat().as_bytes())?;
    Ok(json!({ "ok": booked(folder, entry)? }))
}

fn attach(folder: &Path, request: &Value) -> io::Result<Value> {
    let entry = file_name(word(&request["entry_id"]));
    for receipt in list(&request["receipts"]) {
        let bytes = fs::read(word(&receipt["path"]))?;
        let (sha256, name) = (word(&receipt["sha256"]), word(&receipt["file_name"]));
        create(folder, &format!("{entry}-{sha256}-{name}"), &bytes)?;
    }
    Ok(json!({ "ok": {} }))
}

/// What the journal has of an entry, read from its first posting.
fn booked(folder: &Path, entry: &str) -> io::Result<Option<Value>> {
    let rows = read(folder, &file_name(entry))?;
    let mut columns = cells(&rows).into_iter().skip(COLUMNS + 1);
    let mut next = || columns.next().unwrap_or_default();
    let booked = json!({ "external_id": entry, "posting_date": next(), "revision": next().parse::<u32>().ok(),
        "parts": ["main"], "content_hash": next(),
        "amount": { "hundredths": next().parse::<i64>().ok(), "currency": next() } });
    Ok(Some(booked).filter(|_| !rows.is_empty()))
}

/// A text as RFC 4180 has it. One that a spreadsheet would take for a formula begins with an apostrophe.
fn text_cell(text: &str) -> String {
    let defused = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    format!("\"{defused}{}\"", text.replace('"', "\"\""))
}

/// The cells of all rows: in quotes a comma and a line end are text, and two quotes are one.
fn cells(rows: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = rows.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => cells.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            _ => cell.push(character),
        }
    }
    cells
}

/// Pleo's ids are plain; one that is not must not lead out of the folder.
fn file_name(entry: &str) -> String {
    format!("journal/{}.csv", entry.replace(['/', '\\', '.'], "-"))
}

/// A file that is there whole or not at all, under a name that can be taken only once: so nothing is booked twice.
fn create(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let aside = folder.join(format!("{}.part", std::process::id()));
    let _ = fs::remove_file(&aside); // Left behind by a kill, it may be one file with an entry.
    fs::write(&aside, content)?;
    fs::File::open(&aside)?.sync_all()?;
    match fs::hard_link(&aside, folder.join(name)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => fs::remove_file(&aside)?,
    }
    fs::File::open(folder.join("journal"))?.sync_all()
}

/// The text of a file; empty where there is none.
fn read(folder: &Path, name: &str) -> io::Result<String> {
    match fs::read_to_string(folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        text => Ok(text?.trim().to_owned()),
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
