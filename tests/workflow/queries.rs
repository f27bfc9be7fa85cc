use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::paper;
use crate::sandbox::seed;
use crate::support::World;

/// Hundredths by what they are of and currency.
type Answer = BTreeMap<(String, String), i64>;

/// The queries that README shows, in its order: tax, employees, vendors, cost centres.
fn queries() -> Vec<String> {
    let readme = include_str!("../../README.md");
    let lines = readme
        .lines()
        .filter_map(|line| line.strip_prefix("bean-query books/main.beancount \""));
    lines.map(|line| line.trim_end_matches('"').to_owned()).collect()
}

fn bean_query() -> Option<PathBuf> {
    let checker = std::env::var_os("PLEO_EXPORT_BEAN_CHECK")?;
    let program = Path::new(&checker).with_file_name("bean-query");
    program.is_file().then_some(program)
}

/// All columns but the last say what the amounts in the last are of.
fn ask(program: &Path, books: &Path, query: &str) -> Answer {
    let output = Command::new(program)
        .args(["-f", "csv"])
        .arg(books)
        .arg(query)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{query}");
    let mut answer = Answer::new();
    for line in text.lines().skip(1) {
        let mut fields = fields(line);
        let amounts = fields.pop().unwrap();
        // The base of a tax goes without a word.
        fields.retain(|field| field != "base");
        let of = fields.join(" ");
        let words: Vec<&str> = amounts
            .split([' ', ','])
            .filter(|word| !word.is_empty())
            .collect();
        for amount in words.chunks(2) {
            let hundredths = amount[0].replace('.', "").parse::<i64>().unwrap();
            add(&mut answer, &of, amount[1], hundredths);
        }
    }
    answer
}

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let field = fields.last_mut().unwrap();
        match character {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            other => field.push(other),
        }
    }
    fields.iter().map(|field| field.trim().to_owned()).collect()
}

fn add(answer: &mut Answer, of: &str, currency: &str, hundredths: i64) {
    let sum = answer.entry((of.to_owned(), currency.to_owned())).or_default();
    *sum += hundredths;
    answer.retain(|_, sum| *sum != 0);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What an item comes to when one of its lines stands alone.
fn of_lines(items: &[Value], mut each: impl FnMut(&Value, &str, paper::Sums)) {
    for item in items {
        for line in item["accountingEntryLines"].as_array().unwrap() {
            let mut alone = item.clone();
            alone["accountingEntryLines"] = Value::Array(vec![line.clone()]);
            for (currency, sums) in paper::sums(&[alone]) {
                each(line, &currency, sums);
            }
        }
    }
}

fn taxes(items: &[Value]) -> Answer {
    let mut answer = Answer::new();
    of_lines(items, |line, currency, sums| {
        let code = text(&line["tax"]["code"]);
        if !code.is_empty() {
            add(&mut answer, code, currency, sums.net_costs + sums.income);
            add(&mut answer, &format!("{code} tax"), currency, sums.input_tax);
            add(
                &mut answer,
                &format!("{code} reverse-tax"),
                currency,
                sums.output_tax,
            );
        }
    });
    answer
}

fn cost_centres(items: &[Value]) -> Answer {
    let mut answer = Answer::new();
    of_lines(items, |line, currency, sums| {
        let tags = line["tags"].as_array().into_iter().flatten();
        let tags: Vec<String> = tags
            .map(|tag| format!("{}={}", text(&tag["groupCode"]), text(&tag["code"])))
            .collect();
        if !tags.is_empty() {
            add(
                &mut answer,
                &tags.join("; "),
                currency,
                sums.net_costs + sums.income,
            );
        }
    });
    answer
}

fn owed(items: &[Value], accounts: &[&str], of: impl Fn(&Value) -> String) -> Answer {
    let mut answer = Answer::new();
    for item in items {
        for ((account, currency), amount) in
            paper::expected(std::slice::from_ref(item), &super::balances::CHART)
        {
            if accounts.contains(&account.as_str()) {
                add(&mut answer, &of(item), &currency, amount);
            }
        }
    }
    answer
}

#[test]
fn the_queries_of_the_readme_answer_what_the_payloads_add_up_to() {
    let queries = queries();
    assert_eq!(queries.len(), 4);
    let Some(program) = bean_query() else {
        println!("note: no bean-query beside PLEO_EXPORT_BEAN_CHECK, so the queries were not asked");
        return;
    };
    let employees = ["Liabilities:Pleo:OutOfPocket", "Assets:Pleo:EmployeeReceivable"];
    let vendor = |item: &Value| match text(&item["vendor"]["name"]) {
        "" => text(&item["supplier"]["name"]).to_owned(),
        name => name.to_owned(),
    };
    for items in [seed::mixed(23, 1), seed::mixed(300, 11)] {
        let world = World::new();
        world.add_job(items.clone());
        world.run(&["poll"]).exits(0);
        // Bills that are not paid leave something open.
        let books = world.path("books/main.beancount");
        let asked: Vec<Answer> = queries.iter().map(|query| ask(&program, &books, query)).collect();
        assert_eq!(asked[0], taxes(&items));
        assert_eq!(
            asked[1],
            owed(&items, &employees, |item| text(&item["user"]["code"]).to_owned())
        );
        assert_eq!(asked[2], owed(&items, &["Liabilities:AccountsPayable"], vendor));
        assert_eq!(asked[3], cost_centres(&items));
    }
}
