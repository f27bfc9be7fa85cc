//! The settings of a connector.

use std::path::PathBuf;
use std::time::Duration;

/// What the configuration says about the connector.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program and its arguments. A bare name is looked for in `PATH`, a relative path in the working folder.
    pub program: Vec<String>,
    /// The folder it runs in: that of the settings file.
    pub working_folder: PathBuf,
    /// How long one answer may take.
    pub timeout: Duration,
}
