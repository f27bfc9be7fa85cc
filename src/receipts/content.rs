//! What a fetched file is, found from its bytes. What it is called helps only where bytes leave a choice.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// A format of a receipt that Pleo takes and a bookkeeper can open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Pdf,
    Png,
    Jpeg,
    Doc,
    Docx,
    Xls,
    Xlsx,
    Text,
}

/// Why a fetched file is no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// A web page, mostly one that asks for a login or says that the file is gone.
    WebPage,
    /// Of no format that is taken.
    UnknownFormat,
}

/// How much of a file is looked at to tell what it is.
const HEAD: u64 = 8 * 1024;

impl Format {
    const ALL: [Self; 8] = [
        Self::Pdf,
        Self::Png,
        Self::Jpeg,
        Self::Doc,
        Self::Docx,
        Self::Xls,
        Self::Xlsx,
        Self::Text,
    ];

    /// The extension of a file name, without the dot.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Doc => "doc",
            Self::Docx => "docx",
            Self::Xls => "xls",
            Self::Xlsx => "xlsx",
            Self::Text => "txt",
        }
    }

    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Doc => "application/msword",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xls => "application/vnd.ms-excel",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Text => "text/plain",
        }
    }

    /// Whether a file that we keep may end so.
    pub(super) fn is_extension(text: &str) -> bool {
        Self::ALL.iter().any(|format| format.extension() == text)
    }

    /// Reads what somebody says a file is: a media type, with or without parameters, or an extension.
    pub(super) fn from_hint(hint: &str) -> Option<Self> {
        let hint = hint
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match hint.as_str() {
            "jpeg" | "image/jpg" => Some(Self::Jpeg),
            hint => Self::ALL
                .into_iter()
                .find(|format| format.extension() == hint || format.media_type() == hint),
        }
    }
}

/// Tells what a file is. `hints` are what Pleo, the host and the address say, as far as they say a known format.
pub(super) fn detect(file: &mut File, hints: &[Format]) -> io::Result<Result<Format, Unusable>> {
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut head)?;
    if is_web_page(&head) {
        return Ok(Err(Unusable::WebPage));
    }
    let format = if head.windows(5).take(1024).any(|window| window == b"%PDF-") {
        Some(Format::Pdf)
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(Format::Png)
    } else if head.starts_with(b"\xff\xd8\xff") {
        Some(Format::Jpeg)
    } else if head.starts_with(b"PK\x03\x04") {
        // Names of parts stand in a zip archive as they are.
        let parts: [(&[u8], Format); 2] = [(b"word/document", Format::Docx), (b"xl/workbook", Format::Xlsx)];
        one_of(file, &parts, hints)?
    } else if head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        // Names of streams stand in an older Office file in UTF-16.
        let parts: [(&[u8], Format); 3] = [
            (b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0", Format::Doc),
            (b"W\0o\0r\0k\0b\0o\0o\0k\0", Format::Xls),
            (b"B\0o\0o\0k\0", Format::Xls),
        ];
        one_of(file, &parts, hints)?
    } else if hints.contains(&Format::Text) && is_text(&head) {
        Some(Format::Text)
    } else {
        None
    };
    Ok(format.ok_or(Unusable::UnknownFormat))
}

/// The format whose mark is in the file. A document may hold a sheet and a sheet a document: then hints decide.
fn one_of(file: &mut File, marks: &[(&[u8], Format)], hints: &[Format]) -> io::Result<Option<Format>> {
    let mut found = Vec::new();
    for (mark, format) in marks {
        if !found.contains(format) && contains(file, mark)? {
            found.push(*format);
        }
    }
    let hinted = hints.iter().find(|hint| found.contains(hint)).copied();
    Ok(hinted.or(found.first().copied()))
}

/// Whether `mark` is anywhere in the file, read piece by piece.
fn contains(file: &mut File, mark: &[u8]) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let mut seen = Vec::new();
    loop {
        let read = file.by_ref().take(64 * 1024).read_to_end(&mut seen)?;
        if seen.windows(mark.len()).any(|window| window == mark) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // A mark may lie across two pieces.
        seen.drain(..seen.len().saturating_sub(mark.len()));
    }
}

fn is_web_page(head: &[u8]) -> bool {
    let head = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    let beginning = head
        .get(..512.min(head.len()))
        .unwrap_or(head)
        .to_ascii_lowercase();
    let is_markup = beginning.starts_with(b"<!doctype html")
        || beginning.starts_with(b"<html")
        || beginning.starts_with(b"<head")
        || beginning.starts_with(b"<body");
    let is_commented = beginning.starts_with(b"<!--") || beginning.starts_with(b"<?xml");
    is_markup || (is_commented && beginning.windows(5).any(|window| window == b"<html"))
}

/// Text of any usual encoding: no control characters, but for UTF-16 with its mark, which is full of zeros.
fn is_text(head: &[u8]) -> bool {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return true;
    }
    head.iter()
        .all(|byte| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn detect_bytes(bytes: &[u8], hints: &[Format]) -> Result<Format, Unusable> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        detect(&mut file, hints).unwrap()
    }

    #[test]
    fn bytes_decide_and_hints_do_not() {
        let cases: [(&[u8], Format); 4] = [
            (b"%PDF-1.7\n...", Format::Pdf),
            (b"\r\njunk before it %PDF-1.4", Format::Pdf),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Format::Png),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Format::Jpeg),
        ];
        for (bytes, format) in cases {
            for hint in Format::ALL {
                assert_eq!(detect_bytes(bytes, &[hint]), Ok(format), "{hint:?}");
            }
        }
    }

    #[test]
    fn a_web_page_is_no_receipt_whatever_it_is_called() {
        for bytes in [
            "<!DOCTYPE html><html><body>log in</body>",
            "\u{feff}\n  <HTML lang=en>",
            "<?xml version=\"1.0\"?><!DOCTYPE x><html xmlns=\"...\">",
            "<!-- hello --><html>",
        ] {
            for hint in [Format::Pdf, Format::Text] {
                assert_eq!(
                    detect_bytes(bytes.as_bytes(), &[hint]),
                    Err(Unusable::WebPage),
                    "{bytes}"
                );
            }
        }
    }

    #[test]
    fn office_files_are_told_apart_by_their_parts() {
        let zip = |part: &str| {
            let mut bytes = b"PK\x03\x04".to_vec();
            // The name lies across two pieces of reading.
            bytes.resize(64 * 1024 - 3, 7);
            bytes.extend_from_slice(part.as_bytes());
            bytes
        };
        assert_eq!(detect_bytes(&zip("word/document.xml"), &[]), Ok(Format::Docx));
        assert_eq!(
            detect_bytes(&zip("xl/workbook.xml"), &[Format::Docx]),
            Ok(Format::Xlsx)
        );
        let both = zip("xl/workbook.xml word/document.xml");
        assert_eq!(
            detect_bytes(&both, &[Format::Pdf, Format::Xlsx]),
            Ok(Format::Xlsx)
        );
        assert_eq!(
            detect_bytes(&zip("readme.txt"), &[Format::Docx]),
            Err(Unusable::UnknownFormat)
        );
        let ole = |stream: &str| {
            let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
            bytes.extend(stream.encode_utf16().flat_map(u16::to_le_bytes));
            bytes
        };
        assert_eq!(detect_bytes(&ole("WordDocument"), &[]), Ok(Format::Doc));
        assert_eq!(detect_bytes(&ole("Workbook"), &[]), Ok(Format::Xls));
        assert_eq!(
            detect_bytes(&ole("PowerPoint Document"), &[Format::Doc]),
            Err(Unusable::UnknownFormat)
        );
    }

    #[test]
    fn text_is_text_only_where_somebody_says_so() {
        let text = "Caf\u{e9} 12,50".as_bytes();
        assert_eq!(detect_bytes(text, &[Format::Text]), Ok(Format::Text));
        assert_eq!(
            detect_bytes(b"Caf\xe9 12,50", &[Format::Text]),
            Ok(Format::Text),
            "Latin-1"
        );
        assert_eq!(
            detect_bytes(b"\xff\xfe1\0", &[Format::Text]),
            Ok(Format::Text),
            "UTF-16"
        );
        assert_eq!(detect_bytes(text, &[Format::Pdf]), Err(Unusable::UnknownFormat));
        assert_eq!(
            detect_bytes(b"\x7fELF\x02\x01\x01\0", &[Format::Text]),
            Err(Unusable::UnknownFormat)
        );
    }

    #[test]
    fn hints_are_read_in_the_ways_people_write_them() {
        for (hint, format) in [
            ("application/pdf", Some(Format::Pdf)),
            ("pdf", Some(Format::Pdf)),
            ("PDF", Some(Format::Pdf)),
            ("image/jpeg", Some(Format::Jpeg)),
            ("jpeg", Some(Format::Jpeg)),
            ("text/plain; charset=utf-8", Some(Format::Text)),
            ("application/octet-stream", None),
            ("", None),
        ] {
            assert_eq!(Format::from_hint(hint), format, "{hint}");
        }
    }
}
