//! A company with its own Pleo, checkpoint and books in a folder of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::sandbox::{Job, JobFile, Options, Sandbox, seed};

/// Short patience with everything that is waited for. `[pleo]` stands last, so that a test may go on with it.
pub const IMPATIENT: &str = "[accounting]\ngive_up_after_seconds = 1\n[receipts]\ntimeout_seconds = 5\n\
                             give_up_after_seconds = 5\n[pleo]\ntimeout_seconds = 2\ngive_up_after_seconds = 1\n";

/// Sends a process a signal ("KILL", "TERM"). The shell has its own `kill`; the program of that name is not everywhere.
pub fn signal(name: &str, process: u32) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{name} {process}")])
        .status();
    assert!(status.expect("`sh` runs").success(), "SIG{name} to {process}");
}

/// Everything a test works with. It reads as a sentence: `World::new().with_settings(..)`, then `world.run(..)`.
pub struct World {
    pub sandbox: Sandbox,
    folder: TempDir,
    program: PathBuf,
    environment: BTreeMap<String, OsString>,
}

/// Names the program that has the deliberate bugs.
const WITH_BUGS: &str = "PLEO_EXPORT_WITH_BUGS";

/// Whether there is a program with deliberate bugs, for [`World::with_bug`]; where there is none, it says so.
pub fn has_bugs_or_says_so() -> bool {
    static SAID: std::sync::Once = std::sync::Once::new();
    let has_bugs = std::env::var_os(WITH_BUGS).is_some();
    if !has_bugs {
        SAID.call_once(|| {
            // Past what keeps back the output of tests that pass.
            let _ = writeln!(
                std::io::stderr(),
                "deliberate bugs: did NOT run, because {WITH_BUGS} names no program that has them; \
                 tests/promise/with_bugs builds it and prints its path"
            );
        });
    }
    has_bugs
}

impl World {
    pub fn new() -> Self {
        Self::with_options(Options::default())
    }

    pub fn with_options(options: Options) -> Self {
        let sandbox = Sandbox::start(options);
        let folder = tempfile::tempdir().expect("a temporary folder");
        // One certificate instead of the machine's, of which there may be none, and which takes long to read. In this folder
        // every user may read it.
        let certificate = folder.path().join("certificate.pem");
        fs::write(&certificate, include_str!("../promise/certificate.pem")).expect("a certificate");
        let environment = BTreeMap::from([
            ("PLEO_BASE_URL".to_owned(), sandbox.url().into()),
            ("PLEO_API_KEY".to_owned(), sandbox.api_key().into()),
            ("PLEO_COMPANY_ID".to_owned(), sandbox.company().into()),
            ("PLEO_EXPORT_CHECKPOINT".to_owned(), "checkpoint.sqlite3".into()),
            ("SSL_CERT_FILE".to_owned(), certificate.into()),
            // Milliseconds, in the place of the time that a request may take.
            ("PLEO_EXPORT_WAIT_FOR_OTHERS".to_owned(), "100".into()),
        ]);
        Self {
            sandbox,
            folder,
            program: env!("CARGO_BIN_EXE_pleo-export").into(),
            environment,
        }
    }

    /// Short patience, so that a test of an outage does not wait.
    pub fn impatient(self) -> Self {
        self.with_settings(IMPATIENT)
    }

    pub fn with_settings(self, toml: &str) -> Self {
        fs::write(self.path("pleo-export.toml"), toml).expect("settings can be written");
        self
    }

    /// With a deliberate bug, or several with commas between them, in every process.
    #[track_caller]
    pub fn with_bug(mut self, bug: &str) -> Self {
        let program = std::env::var_os(WITH_BUGS).expect("a program with bugs");
        self.program = fs::canonicalize(program).expect("the program with bugs is there");
        self.with_variable("PLEO_EXPORT_BUG", bug)
    }

    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    pub fn without_variable(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// With nothing of the company in the environment: its settings file says it all.
    pub fn told_by_files_alone(mut self) -> Self {
        self.environment.retain(|name, _| {
            ![
                "PLEO_API_KEY",
                "PLEO_COMPANY_ID",
                "PLEO_EXPORT_CHECKPOINT",
                "PLEO_BASE_URL",
            ]
            .contains(&name.as_str())
        });
        self
    }

    pub fn environment(&self) -> &BTreeMap<String, OsString> {
        &self.environment
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The receipts that lie between download and booking.
    pub fn kept_receipts(&self) -> Vec<String> {
        let folder = fs::read_dir(self.path("checkpoint.sqlite3.pleo-export-receipts"));
        let files = folder.into_iter().flatten().flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        names.filter(|name| !name.starts_with('.')).collect()
    }

    pub fn books(&self) -> Books {
        Books {
            folder: self.path("books"),
        }
    }

    /// Why Pleo was told that an item failed.
    #[track_caller]
    pub fn failure_reason(&self, job: &str, entry: &str) -> String {
        let reason = self.sandbox.job(job).item(entry).failure_reason.clone();
        reason.expect("the item has failed")
    }

    pub fn add_job(&self, items: Vec<Value>) -> String {
        self.sandbox.add_job(Job::of(items))
    }

    /// Adds the jobs of a file as the sandbox program takes it with `--jobs`, and answers their ids. The sandbox serves
    /// one company, so the file's becomes the world's.
    #[track_caller]
    pub fn add_jobs_of(&mut self, file: &str) -> Vec<String> {
        let file = JobFile::read(file).unwrap_or_else(|error| panic!("{error}"));
        if let Some(company) = file.company {
            self.sandbox.serve_company(&company);
            self.environment
                .insert("PLEO_COMPANY_ID".to_owned(), company.into());
        }
        let jobs = file.jobs.into_iter();
        jobs.map(|job| self.sandbox.add_job(job)).collect()
    }

    pub fn add_mixed_job(&self, items: usize, seed: u64) -> String {
        self.add_job(seed::mixed(items, seed))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(&self.environment);
        command.stdin(Stdio::null());
        command
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_command(&mut self.command(arguments))
    }

    /// With a variable for this run alone.
    pub fn run_with(&self, name: &str, value: &str, arguments: &[&str]) -> Run {
        self.run_command(self.command(arguments).env(name, value))
    }

    #[expect(
        clippy::unused_self,
        reason = "it reads as a sentence beside `run` and `run_with`"
    )]
    pub fn run_command(&self, command: &mut Command) -> Run {
        Run::of(
            &format!("{command:?}"),
            command.output().expect("the program starts"),
        )
    }
}

/// A finished run of the program.
#[derive(Debug)]
pub struct Run {
    pub command: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(command: &str, output: Output) -> Self {
        Self {
            command: command.to_owned(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "no `{text}` in {self}"
        );
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}\nexit: {:?}\nstdout:\n{}\nstderr:\n{}",
            self.command, self.code, self.stdout, self.stderr
        )
    }
}

/// The books, read without the program's own reader.
pub struct Books {
    pub folder: PathBuf,
}

impl Books {
    /// Every file of the ledger and its text.
    pub fn files(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        collect(&self.folder, &mut files);
        files
    }

    /// Documents by (entry, part, revision), with how often each is there.
    pub fn documents(&self) -> BTreeMap<(String, String, String), usize> {
        let mut documents = BTreeMap::new();
        for transaction in self.transactions() {
            let value = |key: &str| transaction.metadata.get(key).cloned();
            let Some(entry) = value("pleo-entry") else {
                continue;
            };
            let part = value("pleo-part").unwrap_or_else(|| "main".to_owned());
            let revision = value("pleo-revision").unwrap_or_else(|| "1".to_owned());
            *documents.entry((entry, part, revision)).or_default() += 1;
        }
        documents
    }

    /// The evidence of every entry, of each batch that names some; it must be there, and be what the batch says.
    #[track_caller]
    pub fn evidence(&self) -> Vec<Value> {
        let mut evidence = Vec::new();
        for (path, text) in self.files() {
            let Some(named) = text
                .lines()
                .find_map(|line| line.strip_prefix("1970-01-01 custom \"pleo-evidence\" "))
            else {
                assert!(
                    !text.contains("pleo-hash: \"2:"),
                    "no evidence of {}",
                    path.display()
                );
                continue;
            };
            let [file, sha256] = [1, 3].map(|at| named.split('"').nth(at).expect("file and SHA-256"));
            // A batch that was moved into an archive leaves it where it was.
            let beside = path.with_file_name(file);
            let year = file.get(5..9).unwrap_or_default();
            let left = self.folder.join("pleo").join(year).join(file);
            let content = fs::read(beside).or_else(|_| fs::read(left));
            let content = content.expect("the evidence is there");
            let hash = Sha256::digest(&content)
                .iter()
                .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            assert_eq!(hash, sha256, "{file}");
            let lines = content
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty());
            evidence.extend(lines.map(|line| serde_json::from_slice::<Value>(line).expect("a JSON line")));
        }
        evidence
    }

    /// What the evidence remarks on an entry.
    pub fn remarks(&self, entry: &str) -> Vec<String> {
        let evidence = self.evidence();
        let of_entry = evidence.iter().filter(|line| line["entry"] == entry);
        let remarks = of_entry.flat_map(|line| line["remarks"].as_array().expect("a list"));
        remarks.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    pub fn entries(&self) -> Vec<String> {
        let mut entries: Vec<_> = self.documents().into_keys().map(|(entry, _, _)| entry).collect();
        entries.dedup();
        entries
    }

    /// The numbers of the documents, in their order.
    pub fn numbers(&self) -> Vec<String> {
        let mut numbers: Vec<_> = self
            .transactions()
            .into_iter()
            .filter_map(|transaction| transaction.metadata.get("pleo-number").cloned())
            .collect();
        numbers.sort();
        numbers
    }

    /// Edits the file of this name, as a person might.
    pub fn edit(&self, name: &str, change: impl FnOnce(&str) -> String) {
        let files = self.files();
        let (path, text) = files
            .iter()
            .find(|(path, _)| path.ends_with(name))
            .expect("the books have this file");
        fs::write(path, change(text)).expect("the books can be edited");
    }

    /// Takes the transactions of which this holds out of the books, as a person might with an editor.
    pub fn take_out(&self, is_meant: impl Fn(&str) -> bool) {
        for (path, text) in self.files() {
            let kept: Vec<_> = text
                .split("\n\n")
                .filter(|block| !(block.contains("pleo-entry") && is_meant(block)))
                .collect();
            fs::write(path, kept.join("\n\n")).expect("the books can be edited");
        }
    }

    #[track_caller]
    pub fn has_nothing_twice(&self) {
        let twice: Vec<_> = self
            .documents()
            .into_iter()
            .filter(|(_, times)| *times != 1)
            .collect();
        assert!(twice.is_empty(), "in the books more than once: {twice:?}");
    }

    /// Every transaction: its head line, its own metadata and its postings.
    pub fn transactions(&self) -> Vec<Transaction> {
        let mut transactions: Vec<Transaction> = Vec::new();
        for text in self.files().into_values() {
            let mut open = false;
            for line in text.lines() {
                let is_head = line
                    .get(10..13)
                    .is_some_and(|mark| mark == " * " || mark == " ! ");
                if !line.starts_with(' ') {
                    open = is_head;
                    if is_head {
                        transactions.push(Transaction {
                            head: line.to_owned(),
                            ..Transaction::default()
                        });
                    }
                } else if open && let Some(transaction) = transactions.last_mut() {
                    transaction.add(line);
                }
            }
        }
        transactions
    }

    /// Runs the real checker where it is named, and says so where it is not.
    #[track_caller]
    pub fn are_clean(&self) {
        let Some(program) = std::env::var_os("PLEO_EXPORT_BEAN_CHECK") else {
            println!("note: PLEO_EXPORT_BEAN_CHECK is not set, so bean-check did not look at these books");
            return;
        };
        let output = Command::new(program)
            .arg(self.folder.join("main.beancount"))
            .output()
            .expect("bean-check runs");
        assert!(
            output.status.success(),
            "bean-check: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// A transaction as its text has it.
#[derive(Clone, Debug, Default)]
#[allow(dead_code, reason = "`head` is what a failed assertion shows")]
pub struct Transaction {
    pub head: String,
    pub metadata: BTreeMap<String, String>,
    /// Account and the rest of the line.
    pub postings: Vec<(String, String)>,
}

impl Transaction {
    fn add(&mut self, line: &str) {
        let text = line.trim();
        let starts_lower = text.starts_with(|c: char| c.is_ascii_lowercase());
        if let (true, Some((key, value))) = (starts_lower, text.split_once(": ")) {
            if self.postings.is_empty() {
                self.metadata
                    .insert(key.to_owned(), value.trim().trim_matches('"').to_owned());
            }
        } else if let Some((account, amount)) = text.split_once(char::is_whitespace) {
            self.postings.push((account.to_owned(), amount.trim().to_owned()));
        }
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("the books can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "beancount") {
            files.insert(
                path.clone(),
                fs::read_to_string(&path).expect("the books are text"),
            );
        }
    }
}
