//! The name a receipt gets in the books: what its address calls it where that is sensible, made safe for any
//! file system, with the extension of what it really is.

use reqwest::Url;

use super::content::Format;

/// The longest file name, in characters, extension included.
const LONGEST: usize = 80;

/// The file name of an address: its last part.
pub(super) fn last_segment(url: &Url) -> &str {
    url.path_segments()
        .and_then(|mut segments| segments.next_back())
        .unwrap_or_default()
}

/// What an address says its file is, by the extension.
pub(super) fn hint(url: &Url) -> Option<Format> {
    let (_, extension) = last_segment(url).rsplit_once('.')?;
    Format::from_hint(extension)
}

/// A safe name for a receipt. `segment` is the last part of its address, `number` counts from 1.
pub(super) fn safe(segment: &str, number: usize, format: Format) -> String {
    let stem = match segment.rsplit_once('.') {
        Some((stem, extension)) if Format::from_hint(extension).is_some() => stem,
        _ => segment,
    };
    let cleaned = clean(stem);
    let room = LONGEST - 1 - format.extension().len();
    let cut: String = cleaned.chars().take(room).collect();
    // Dots and dashes at either end would hide the file, or read as an option.
    let name = cut.trim_matches(['.', '-', '_']);
    if name.is_empty() {
        format!("receipt-{number}.{}", format.extension())
    } else {
        format!("{name}.{}", format.extension())
    }
}

/// Letters, digits, dot, dash and underscore; all else, escaped bytes included, becomes one underscore.
fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character.is_ascii_alphanumeric() || matches!(character, '.' | '-') {
            cleaned.push(character);
            continue;
        }
        if character == '%' {
            // The two digits of an escape stand for one byte.
            let rest = characters.as_str();
            if rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()) {
                characters.next();
                characters.next();
            }
        }
        if !cleaned.ends_with('_') {
            cleaned.push('_');
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_carry_the_right_extension() {
        for (segment, name) in [
            ("receipt.pdf", "receipt.pdf"),
            ("Hotel%20Ibis%2C%20N%C3%BCrnberg.pdf", "Hotel_Ibis_N_rnberg.pdf"),
            ("photo.jpeg", "photo.pdf"),
            ("invoice.2026.final", "invoice.2026.final.pdf"),
            ("download.php", "download.php.pdf"),
            ("..%2f..%2fetc%2fpasswd", "etc_passwd.pdf"),
            ("-rf.pdf", "rf.pdf"),
            (".htaccess", "htaccess.pdf"),
            ("", "receipt-3.pdf"),
            ("...", "receipt-3.pdf"),
            ("%F0%9F%92%B0.pdf", "receipt-3.pdf"),
            ("100%", "100.pdf"),
            ("a%zz", "a_zz.pdf"),
        ] {
            assert_eq!(safe(segment, 3, Format::Pdf), name, "{segment}");
        }
        let long = safe(&"x".repeat(500), 1, Format::Docx);
        assert_eq!(long.len(), LONGEST);
        assert!(long.ends_with("x.docx"));
    }

    #[test]
    fn the_address_hints_by_its_extension() {
        let url = Url::parse("https://files.example/a/b.JPEG?signature=x.pdf").unwrap();
        assert_eq!(hint(&url), Some(Format::Jpeg));
        assert_eq!(last_segment(&url), "b.JPEG");
        assert_eq!(hint(&Url::parse("https://files.example/a.b/c").unwrap()), None);
    }
}
