//! `[notify]`: who is told how polls end.

use std::path::PathBuf;

use super::credential::{credentials_in_use, other_credential};
use super::section::Section;
use super::sources::{Layers, Sources};
use crate::host::environment;
use crate::host::server_url::{ServerUrl, UnsafeUrl};

/// Who is told how polls end; nobody where both are missing.
#[derive(Clone, Debug, Default)]
pub struct NotifyConfig {
    /// A program and its arguments, for what is new.
    pub command: Option<Vec<String>>,
    /// The folder that it runs in: that of the settings file.
    pub folder: PathBuf,
    /// An address that is called after every poll.
    pub url: Option<ServerUrl>,
}

impl NotifyConfig {
    /// What can be read of it. Whoever is to be told should hear of wrong settings, too, so none of them matters here. A
    /// settings file that counts for nothing has nobody told.
    pub fn load(sources: &Sources) -> Self {
        let mut unimportant = Vec::new();
        let layers = Layers::read(sources, &mut unimportant);
        let mut file = layers.file_section();
        let system = file
            .section("accounting", &mut unimportant)
            .text("system", &mut unimportant);
        let of_pleo = other_credential(&layers, true);
        let in_use = credentials_in_use(&layers, of_pleo, system.as_deref() == Some("odoo"));
        if layers.has_misleading_file(&in_use) {
            return Self::default();
        }
        Self::read(&layers, &mut file, &mut unimportant)
    }

    pub(super) fn read(layers: &Layers, file: &mut Section, problems: &mut Vec<String>) -> Self {
        let mut section = file.section("notify", problems);
        let command = section.program("command", problems);
        if command.as_ref().is_some_and(Vec::is_empty) {
            problems.push("notify.command is empty: name a program".to_owned());
        }
        let url = section.text("url", problems).and_then(|text| match text.parse() {
            Ok(url) => Some(url),
            // Whoever knows the address may call it, so it is not shown.
            Err(problem) => {
                problems.push(format!("notify.url {}", wrong_address(problem)));
                None
            }
        });
        section.finish(problems);
        Self {
            command: command.filter(|command| !command.is_empty()),
            folder: layers.file_folder().to_owned(),
            url,
        }
    }
    /// Why nobody would be told, as far as that shows without starting the program. It stops no poll.
    pub(super) fn unable(&self) -> Option<String> {
        let program = self.command.as_ref()?.first()?;
        let problem = environment::program_problem(&self.folder, program)?;
        Some(format!(
            "notify.command cannot start `{program}`, so nobody would be told: {problem}"
        ))
    }
}

fn wrong_address(problem: UnsafeUrl) -> &'static str {
    match problem {
        UnsafeUrl::NoUrl | UnsafeUrl::NoHost => "is no address, such as https://monitor.example/ping/…",
        UnsafeUrl::NotHttps => {
            "must begin with https://, since whoever reads the address on its way could call it (http:// is for this \
             machine alone)"
        }
        UnsafeUrl::MoreThanAServer => "must have no user, password, query or fragment",
    }
}
