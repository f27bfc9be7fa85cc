//! Query parameters read strictly: lower-case names with underscores from a closed list, each at most once unless it is an array, and
//! values of the declared type. Anything else is answered 400 and recorded.

use axum::extract::Query as Decoded;
use axum::http::Uri;
use uuid::Uuid;

use super::exchange::{Answer, Call};
use super::world::World;

/// The parameters that every list takes.
pub const PAGING: [&str; 6] = [
    "after",
    "before",
    "offset",
    "limit",
    "sorting_keys",
    "sorting_order",
];
const ARRAYS: [&str; 5] = [
    "statuses",
    "event_types",
    "operation_types",
    "sorting_keys",
    "sorting_order",
];

/// The parameters of one call.
#[derive(Clone, Debug)]
pub struct Query {
    /// Names and values, decoded, in the order sent.
    pub pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads the parameters of a call that takes those in `allowed`.
    pub fn parse(world: &mut World, call: &Call, allowed: &[&str]) -> Result<Self, Answer> {
        let uri: Option<Uri> = format!("/?{}", call.request.query).parse().ok();
        let pairs = uri.and_then(|uri| Decoded::<Vec<(String, String)>>::try_from_uri(&uri).ok());
        let Some(Decoded(pairs)) = pairs else {
            return Err(bad_request(world, call, "the query cannot be decoded"));
        };
        for (position, (name, _)) in pairs.iter().enumerate() {
            if !allowed.contains(&name.as_str()) {
                return Err(bad_request(
                    world,
                    call,
                    &format!("unknown query parameter `{name}`"),
                ));
            }
            let repeated = pairs.iter().take(position).any(|(earlier, _)| earlier == name);
            if repeated && !ARRAYS.contains(&name.as_str()) {
                return Err(bad_request(
                    world,
                    call,
                    &format!("query parameter `{name}` sent twice"),
                ));
            }
        }
        Ok(Self { pairs })
    }

    /// The value of a parameter that is sent at most once.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// The values of an array parameter.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// A UUID parameter.
    pub fn uuid(&self, world: &mut World, call: &Call, name: &str) -> Result<Option<&str>, Answer> {
        match self.one(name) {
            Some(value) if !is_uuid(value) => Err(bad_request(
                world,
                call,
                &format!("query parameter `{name}` is no UUID"),
            )),
            value => Ok(value),
        }
    }

    /// A parameter that is a whole number from 0 on.
    pub fn number(&self, world: &mut World, call: &Call, name: &str) -> Result<Option<usize>, Answer> {
        self.one(name)
            .map(|value| {
                value.parse().map_err(|_| {
                    bad_request(
                        world,
                        call,
                        &format!("query parameter `{name}` is no whole number from 0 on"),
                    )
                })
            })
            .transpose()
    }
}

/// Whether `text` is a UUID with hyphens.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// Records the rule and answers 400 with it.
pub fn bad_request(world: &mut World, call: &Call, rule: &str) -> Answer {
    world.break_rule(call, rule);
    Answer::refusal(400, "BAD_REQUEST", rule)
}
