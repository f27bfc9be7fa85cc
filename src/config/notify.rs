//! `[notify]`: who is told how polls end.

use std::path::PathBuf;

use super::section::Section;
use super::sources::{Layers, Sources};
use crate::host::server_url::ServerUrl;

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
    /// What can be read of it. Whoever is to be told should hear of wrong settings, too, so none of them matters here.
    pub fn load(sources: &Sources) -> Self {
        let mut unimportant = Vec::new();
        let layers = Layers::read(sources, &mut unimportant);
        Self::read(&layers, &mut layers.file_section(), &mut unimportant)
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
                problems.push(format!("notify.url: {problem}"));
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
}
