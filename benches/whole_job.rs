//! A whole job through the real program: 1,000 items with their receipts, in batches of 100 as by default, and one by
//! one, which is how an exporter without batches works. Both run against the same sandbox and real files.
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has nothing to measure"
)]

#[path = "../examples/sandbox/server/mod.rs"]
mod sandbox;

use std::process::Command;

use sandbox::{Job, Options, Sandbox, seed};
use tempfile::TempDir;

const ITEMS: usize = 1000;

fn main() {
    divan::main();
}

#[divan::bench(args = [100, 10, 1], sample_count = 3, sample_size = 1)]
fn thousand_items_in_batches_of(bencher: divan::Bencher<'_, '_>, batch_size: usize) {
    bencher
        .with_inputs(|| Ready::new(batch_size))
        .bench_refs(Ready::run);
}

struct Ready {
    sandbox: Sandbox,
    folder: TempDir,
}

impl Ready {
    fn new(batch_size: usize) -> Self {
        let sandbox = Sandbox::start(Options {
            page_size_max: 100,
            ..Options::default()
        });
        sandbox.add_job(Job::of(seed::mixed(ITEMS, 1)));
        let folder = tempfile::tempdir().unwrap();
        let settings = format!("[pleo]\nbatch_size = {batch_size}\n");
        std::fs::write(folder.path().join("pleo-export.toml"), settings).unwrap();
        Self { sandbox, folder }
    }

    fn run(&mut self) {
        let status = Command::new(env!("CARGO_BIN_EXE_pleo-export"))
            .arg("poll")
            .current_dir(self.folder.path())
            .env_clear()
            .env("PLEO_BASE_URL", self.sandbox.url())
            .env("PLEO_API_KEY", self.sandbox.api_key())
            .env("PLEO_COMPANY_ID", self.sandbox.company())
            .env("PLEO_EXPORT_CHECKPOINT", "checkpoint.sqlite3")
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "the job was not booked whole: {status}");
    }
}
