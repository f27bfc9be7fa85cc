//! What only a look into the books can prove: a connector may answer rightly and book once more all the same.

use std::process::Command;

use crate::bench::{Bench, here};

/// How many the books hold.
#[derive(Clone, Copy)]
struct Counted {
    entries: u64,
    receipts: Option<u64>,
}

/// A program that counts in the books, and what it counted before the first booking.
pub(crate) struct Counter {
    command: String,
    before: Counted,
}

impl Counter {
    /// Counts for the first time.
    pub(crate) fn start(command: String) -> Result<Self, String> {
        let before = count(&command)?;
        Ok(Self { command, before })
    }

    /// Counts again: there must be one more for each that was booked. Answers whether receipts were counted too.
    pub(crate) fn check(&self, bench: &Bench) -> Result<bool, String> {
        let after = count(&self.command)?;
        let booked = bench.booked.len() as u64;
        let most = booked + bench.in_doubt.len() as u64;
        let new = after.entries.saturating_sub(self.before.entries);
        if !(booked..=most).contains(&new) {
            return Err(format!(
                "the books hold {new} new entries instead of {booked}: a key is booked more than once, or one that was \
                 answered as booked is not there. Look at job {}",
                bench.job_id
            ));
        }
        let Some((before, after)) = self.before.receipts.zip(after.receipts) else {
            return Ok(false);
        };
        let (new, attached) = (
            after.saturating_sub(before),
            u64::from(bench.with_receipt.is_some()),
        );
        if new != attached {
            return Err(format!(
                "the books hold {new} new receipts instead of {attached}: it was attached more than once, or was thrown \
                 away"
            ));
        }
        Ok(true)
    }
}

/// Runs the program, whose arguments are split at spaces. It prints the number of entries and, if it can, of receipts.
fn count(command: &str) -> Result<Counted, String> {
    let mut words = command.split_whitespace();
    let program = words.next().ok_or("--count names no program")?;
    let output = Command::new(program)
        .args(words)
        .current_dir(here())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("`{command}` of --count cannot be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(str::parse);
    match (
        output.status.success(),
        numbers.next(),
        numbers.next().transpose(),
    ) {
        (true, Some(Ok(entries)), Ok(receipts)) => Ok(Counted { entries, receipts }),
        _ => Err(format!(
            "`{command}` of --count must print how many entries the books hold, and then, if it can, how many \
             receipts: it printed \"{}\" and ended with {}",
            text.trim(),
            output.status
        )),
    }
}

/// What a person must count.
pub(crate) fn entries_to_count(bench: &Bench) -> String {
    let with_bill = bench.with_bill.as_ref().map_or(String::new(), |external_id| {
        format!(" ({external_id} with two documents, a bill and its payment)")
    });
    let in_doubt = match bench.in_doubt.len() {
        0 => String::new(),
        some => format!(", and may hold {some} more"),
    };
    format!(
        "the books must hold {} entries of job {}, each once{with_bill}{in_doubt}",
        bench.booked.len(),
        bench.job_id
    )
}

/// The receipt that a person must look for.
pub(crate) fn receipt_to_see(bench: &Bench) -> Option<String> {
    let entry = bench.with_receipt.as_ref()?;
    Some(format!("entry {entry} must have the receipt receipt.pdf, once"))
}
