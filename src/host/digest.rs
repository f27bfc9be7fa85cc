//! Digests as text.

use std::fmt::Write as _;

/// Bytes in hexadecimal digits, two for each, in lower case.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a text never fails.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
