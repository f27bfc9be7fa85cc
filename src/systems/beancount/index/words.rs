//! What people are told of entries that count, and of what stands beside them.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::super::movements::Movements;
use super::entries::{Booked, Other};

pub(super) fn adjusted(live: &[Rc<Booked>], others: &[&Other], counts_twice: bool) -> String {
    let number = numbers(live);
    if counts_twice {
        return format!("{number} counts, although another booking of the same expense does too");
    }
    if others.is_empty() {
        return format!(
            "{number} counts, but what it comes to was not compared: its amounts are no plain numbers with two decimals"
        );
    }
    format!(
        "{number} counts, although other transactions with its link change what it comes to ({})",
        places(others)
    )
}

pub(super) fn places(others: &[&Other]) -> String {
    let places: BTreeSet<String> = others.iter().map(|other| other.place.to_string()).collect();
    places.into_iter().collect::<Vec<_>>().join("; ")
}

pub(super) fn numbers(booked: &[Rc<Booked>]) -> String {
    let numbers: Vec<String> = booked.iter().map(|booked| booked.number.to_string()).collect();
    numbers.join(" and ")
}

/// How much bookings of one expense come to together.
pub(super) fn counted_twice(booked: &[Rc<Booked>]) -> String {
    let amounts = booked.iter().map(|booked| {
        let own = booked.movements.as_ref().and_then(Movements::debits);
        booked.amount.or(own)
    });
    let total = amounts.reduce(|sum, next| sum?.abs().plus(next?.abs()));
    match total.flatten() {
        Some(total) => format!("counted twice: {total}"),
        None => "counted twice".to_owned(),
    }
}
