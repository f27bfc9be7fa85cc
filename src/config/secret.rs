//! Secrets, as settings and files hold them.

use std::path::Path;

use secrecy::SecretString;

use super::file;

/// A secret as it can travel in a header.
pub(super) fn sendable(name: &str, secret: String, problems: &mut Vec<String>) -> Option<SecretString> {
    let secret = secret.trim().to_owned();
    if secret.starts_with(['"', '\'']) {
        problems.push(format!(
            "{name} begins with a quote, which no key does: set it without quotes"
        ));
        return None;
    }
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        problems.push(format!(
            "{name} is empty or has spaces or other characters that no key has: copy it once more"
        ));
        return None;
    }
    Some(SecretString::from(secret))
}

/// A secret kept in a file: one line, best readable by its owner alone.
pub(super) fn secret_file(
    name: &str,
    path: &Path,
    problems: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Option<SecretString> {
    let text = match file::read_text(path) {
        Ok(text) => text.trim().to_owned(),
        Err(error) => {
            problems.push(format!("{name}: cannot read `{}`: {error}", path.display()));
            return None;
        }
    };
    if text.is_empty() || text.lines().count() > 1 {
        problems.push(format!(
            "{name}: `{}` must hold the secret on one line, and nothing else",
            path.display()
        ));
        return None;
    }
    #[cfg(unix)]
    if std::fs::metadata(path).is_ok_and(|metadata| others_read(&metadata)) {
        warnings.push(format!(
            "other users can read the secret in `{0}`: run chmod 600 {0}",
            path.display()
        ));
    }
    sendable(&format!("the secret in `{}`", path.display()), text, problems)
}

/// Whether somebody else can read it. Where root owns it and hands it to a group of ours, as Kubernetes does with secrets, that
/// group is how we read it.
#[cfg(unix)]
fn others_read(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    let is_handed_to_us = metadata.uid() == 0 && !rustix::process::geteuid().is_root();
    let closed = if is_handed_to_us { 0o027 } else { 0o077 };
    metadata.mode() & closed != 0
}
