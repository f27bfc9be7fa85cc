//! Parts of the program alone, without a Pleo: what an expense means, and the books that need no server.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::restriction,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and tables are long"
)]

mod beancount;
mod bookkeeping;
#[path = "support/built.rs"]
mod built;
#[cfg(unix)]
mod command;
