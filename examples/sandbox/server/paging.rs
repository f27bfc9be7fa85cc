//! Cursor pages over a list of the server's own order. A cursor is opaque base32 and names the row it stands for, so a
//! list that grows or is filtered differently between two pages neither repeats nor skips rows; it belongs to one list
//! with one set of filters and is refused elsewhere.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value, json};

use super::codec::{BASE32, decode, encode};
use super::exchange::{Answer, Call};
use super::fault::Trouble;
use super::query::{PAGING, Query, bad_request};
use super::world::World;

const DEFAULT_LIMIT: usize = 20;
const ORDERS: [&str; 6] = [
    "ASC",
    "ASC_NULLS_FIRST",
    "ASC_NULLS_LAST",
    "DESC",
    "DESC_NULLS_FIRST",
    "DESC_NULLS_LAST",
];

/// One page of a list.
#[derive(Debug)]
pub struct Page {
    /// The rows on it, by the numbers given in `rows`.
    pub rows: Vec<usize>,
    /// Whether no row of the list comes after it.
    pub is_last: bool,
    /// The `pagination` object of the answer.
    pub pagination: Value,
}

/// Where a page begins, in rows that pass the filters.
enum Start {
    At(usize),
    Before(usize),
}

/// A row of a list by a number that never changes, and whether it passes the filters of the call.
pub type Row = (usize, bool);

/// Cuts the page that the query asks for out of `all` rows of the list in the server's order.
pub fn page(world: &mut World, call: &Call, query: &Query, all: &[Row]) -> Result<Page, Answer> {
    check_sorting(world, call, query)?;
    let rows: Vec<usize> = all
        .iter()
        .filter(|(_, passes)| *passes)
        .map(|(row, _)| *row)
        .collect();
    let limit = query
        .number(world, call, "limit")?
        .unwrap_or(DEFAULT_LIMIT)
        .min(world.options.page_size_max.max(1));
    let scope = scope(call, query);
    let (start, lap) = start(world, call, query, all, scope)?;
    let (mut first, end) = match start {
        Start::At(first) => (first.min(rows.len()), first.saturating_add(limit).min(rows.len())),
        Start::Before(end) => (end.saturating_sub(limit), end),
    };
    let endless = call.trouble == Some(Trouble::EndlessPages);
    if call.trouble == Some(Trouble::ItemTwice) {
        first = first.saturating_sub(1);
    }
    let mut shown: Vec<usize> = rows.get(first..end).unwrap_or_default().to_vec();
    if call.trouble == Some(Trouble::ItemTwice) && first == 0 {
        shown.extend(shown.first().copied());
    }
    let is_last = end >= rows.len();
    let next_lap = if is_last { lap + 1 } else { lap };
    // After its last row an endless list goes on before its first one: a row number that no list has.
    let last_row = if is_last && endless {
        Some(usize::MAX)
    } else {
        shown.last().copied()
    };
    let mut pagination = Map::new();
    pagination.insert("hasNextPage".to_owned(), json!(!is_last || endless));
    pagination.insert("hasPreviousPage".to_owned(), json!(first > 0));
    pagination.insert("total".to_owned(), json!(rows.len()));
    if let Some(row) = shown.first() {
        pagination.insert("startCursor".to_owned(), json!(cursor(scope, *row, lap)));
    }
    if let Some(row) = last_row {
        pagination.insert("endCursor".to_owned(), json!(cursor(scope, row, next_lap)));
    }
    pagination.insert(
        "currentRequestPagination".to_owned(),
        current_request(query, limit),
    );
    Ok(Page {
        rows: shown,
        is_last,
        pagination: Value::Object(pagination),
    })
}

fn check_sorting(world: &mut World, call: &Call, query: &Query) -> Result<(), Answer> {
    if query.all("sorting_keys").count() != query.all("sorting_order").count() {
        return Err(bad_request(
            world,
            call,
            "`sorting_keys` and `sorting_order` are not of the same length",
        ));
    }
    if query.all("sorting_order").any(|order| !ORDERS.contains(&order)) {
        return Err(bad_request(world, call, "unknown value in `sorting_order`"));
    }
    if query.one("sorting_keys").is_some() {
        return Err(bad_request(
            world,
            call,
            "no sorting key is documented, so none may be relied on",
        ));
    }
    Ok(())
}

fn start(
    world: &mut World,
    call: &Call,
    query: &Query,
    all: &[Row],
    scope: u64,
) -> Result<(Start, u64), Answer> {
    let given = ["after", "before", "offset"]
        .into_iter()
        .filter(|name| query.one(name).is_some())
        .count();
    if given > 1 {
        return Err(bad_request(
            world,
            call,
            "`after`, `before` and `offset` exclude each other",
        ));
    }
    let offset = query.number(world, call, "offset")?;
    let Some((name, text)) = ["after", "before"]
        .into_iter()
        .find_map(|name| Some((name, query.one(name)?)))
    else {
        return Ok((Start::At(offset.unwrap_or(0)), 0));
    };
    let known = read_cursor(text, scope).and_then(|(row, lap)| {
        if row == usize::MAX {
            return Some((Start::At(0), lap));
        }
        let position = all.iter().position(|(each, _)| *each == row)?;
        let passing = |rows: &[Row]| rows.iter().filter(|(_, passes)| *passes).count();
        let (before, rest) = all.split_at(position);
        let start = match name {
            "after" => Start::At(passing(before) + passing(rest.get(..1).unwrap_or_default())),
            _ => Start::Before(passing(before)),
        };
        Some((start, lap))
    });
    known.ok_or_else(|| {
        bad_request(
            world,
            call,
            &format!("`{name}` is no cursor that this list has given"),
        )
    })
}

/// What a cursor is bound to: the list and its filters, but not the place in it nor the size of the page.
fn scope(call: &Call, query: &Query) -> u64 {
    let mut hasher = DefaultHasher::new();
    call.request.path.hash(&mut hasher);
    for (name, value) in query
        .pairs
        .iter()
        .filter(|(name, _)| !PAGING.contains(&name.as_str()))
    {
        (name, value).hash(&mut hasher);
    }
    hasher.finish()
}

fn cursor(scope: u64, row: usize, lap: u64) -> String {
    encode(format!("{scope:x} {row} {lap}").as_bytes(), BASE32)
}

fn read_cursor(text: &str, scope: u64) -> Option<(usize, u64)> {
    let plain = String::from_utf8(decode(text, BASE32)?).ok()?;
    let mut parts = plain.split(' ');
    let given = u64::from_str_radix(parts.next()?, 16).ok()?;
    let (row, lap) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (given == scope && parts.next().is_none()).then_some((row, lap))
}

fn current_request(query: &Query, limit: usize) -> Value {
    let mut current = Map::new();
    for name in ["after", "before"] {
        if let Some(value) = query.one(name) {
            current.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(offset) = query.one("offset").and_then(|text| text.parse::<u64>().ok()) {
        current.insert("offset".to_owned(), json!(offset));
    }
    current.insert("limit".to_owned(), json!(limit));
    let mut parameters = Map::new();
    for (name, value) in query
        .pairs
        .iter()
        .filter(|(name, _)| !PAGING.contains(&name.as_str()))
    {
        if let Value::Array(values) = parameters.entry(name.clone()).or_insert_with(|| json!([])) {
            values.push(json!(value));
        }
    }
    current.insert("parameters".to_owned(), Value::Object(parameters));
    Value::Object(current)
}
