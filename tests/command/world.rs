//! A connector in a folder of its own: the example, or a few lines of shell that misbehave.

use std::fs;
use std::path::PathBuf;
use std::process::Command as Program;
use std::time::Duration;

use chrono::NaiveDate;
use pleo_export::host::stop::Stop;
use pleo_export::model::document::PlannedItem;
use pleo_export::model::permit::Permit;
use pleo_export::model::references::{Account, Candidates};
use pleo_export::systems::command::{Command, Settings};
use pleo_export::systems::{AccountingSystem, BookedEntry, SystemError};
use tempfile::TempDir;

use crate::built::example;
use crate::command::sample::{self, Accounts, Expense};

/// Nobody but this process is at work.
pub(crate) fn permit() -> Permit {
    Permit::given_by(|| Ok(()))
}

/// What every script begins with. `ask` reads a question and keeps its `id` and `verb`; `ok` and `fail` answer
/// it. `start` counts the processes before this one.
const PRELUDE: &str = r#"
start=$(cat starts 2>/dev/null || echo 0); echo $((start + 1)) > starts
ask() {
    IFS= read -r line || exit 0
    id=${line#*\"id\":}; id=${id%%,*}
    verb=${line#*\"verb\":\"}; verb=${verb%%\"*}
}
ok() { printf '{"id":%s,"ok":%s}\n' "$id" "$1"; }
fail() { printf '{"id":%s,"error":%s}\n' "$id" "$1"; }
booked() { printf '{"external_id":"S%s-%s","posting_date":"2026-10-09","revision":1,"parts":["main"]}' "$start" "$id"; }
hello() { ask; ok '{"protocol":1,"name":"Script","target":"here","create":"'"$1"'"}'; }
behave() {
    while ask; do
        case $verb in
            book) ok "$(booked)" ;;
            find) ok '{"entries":[]}' ;;
            *) ok '{}' ;;
        esac
    done
}
"#;

pub(crate) struct Connector {
    folder: TempDir,
    program: Vec<String>,
    timeout: Duration,
    pub(crate) stop: Stop,
}

impl Connector {
    /// A script after its prelude.
    pub(crate) fn script(body: &str) -> Self {
        let connector = Self::program(&["/bin/sh", "connector.sh"]);
        fs::write(connector.path("connector.sh"), format!("{PRELUDE}\n{body}\n")).unwrap();
        connector
    }

    /// A script that greets, does this to the first question of its first process, and behaves from then on.
    pub(crate) fn that_once(misbehaves: &str) -> Self {
        Self::script(&format!(
            "hello unique; if [ \"$start\" = 0 ]; then ask; {misbehaves}; fi; behave"
        ))
    }

    /// The example, with a chart of accounts and books that are closed until the end of March.
    pub(crate) fn csv() -> Self {
        let program = example("csv_connector").display().to_string();
        let connector = Self::program(&[&program, "."]);
        fs::write(connector.path("accounts.txt"), "6800\n1910\n").unwrap();
        fs::write(connector.path("closed-until.txt"), "2026-03-31\n").unwrap();
        connector
    }

    /// The example, with everything that it says edited by this script of sed's.
    pub(crate) fn csv_that_says(edit: &str) -> Self {
        let mut connector = Self::csv();
        fs::write(connector.path("edit.sed"), edit).unwrap();
        let filtered = format!("{} . | sed -u -E -f edit.sed", connector.program[0]);
        connector.program = ["/bin/sh", "-c", &filtered].map(str::to_owned).into();
        connector
    }

    pub(crate) fn program(program: &[&str]) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            program: program.iter().map(|&word| word.to_owned()).collect(),
            timeout: Duration::from_secs(20),
            stop: Stop::new(),
        }
    }

    pub(crate) fn impatient(mut self) -> Self {
        self.timeout = Duration::from_secs(2);
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn try_start(&self) -> Result<Command, SystemError> {
        let settings = Settings {
            program: self.program.clone(),
            working_folder: self.folder.path().to_owned(),
            timeout: self.timeout,
        };
        Command::start(settings, self.stop.clone())
    }

    pub(crate) fn start(&self) -> Command {
        self.try_start().unwrap()
    }

    /// Tries the connector as an integrator would, with these options and variables: exit code and report, at its end
    /// what the tool wrote to stderr.
    pub(crate) fn conformance(&self, options: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
        let output = Program::new(example("connector-conformance"))
            .args(options)
            .args(&self.program)
            .current_dir(self.folder.path())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let report = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&report).into_owned(),
        )
    }
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn accounts() -> Accounts {
    Accounts {
        cost: "6800".to_owned(),
        wallet: "1910".to_owned(),
    }
}

/// A purchase of 125.00 EUR on accounts that exist.
pub(crate) fn purchase(entry_id: &str) -> PlannedItem {
    let accounts = accounts();
    let mut resolution = pleo_export::model::references::Resolution::default();
    for key in sample::references(&accounts).accounts.into_keys() {
        let found = Account::open(key.text(), key.text());
        resolution.accounts.insert(key, Candidates::one(found));
    }
    let expense = Expense {
        entry_id: entry_id.to_owned(),
        job_id: "job-1".to_owned(),
        day: day("2026-10-09"),
        hundredths: 12_500,
    };
    sample::purchase(&expense, &accounts, &resolution).unwrap()
}

/// Books one item.
pub(crate) fn book(system: &mut Command, entry_id: &str) -> Result<BookedEntry, SystemError> {
    system.book(&permit(), &[purchase(entry_id)])?.remove(0)
}
