//! Numbers with their noun.

use std::fmt::Display;

/// So many of them: `1 item`, `2 items`.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    let ending = if count == N::from(1) { "" } else { "s" };
    format!("{count} {what}{ending}")
}
