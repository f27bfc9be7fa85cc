//! Receipts made up on the spot: a PDF of one page and a small PNG, both valid and each with content of its own.

/// A PDF of one page (A6) with these lines of text. Characters outside Latin-1 become question marks.
pub fn pdf(lines: &[&str]) -> Vec<u8> {
    let shown: Vec<String> = lines
        .iter()
        .map(|line| format!("({}) Tj T*", pdf_text(line)))
        .collect();
    let text = format!("BT /F1 12 Tf 16 TL 28 380 Td {} ET", shown.join(" "));
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 298 420] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut parts = vec!["%PDF-1.4\n".to_owned()];
    let mut table = vec!["0000000000 65535 f \n".to_owned()];
    let mut begins = 9;
    for (number, object) in (1..).zip(&objects) {
        let part = format!("{number} 0 obj\n{object}\nendobj\n");
        table.push(format!("{begins:010} 00000 n \n"));
        begins += part.len();
        parts.push(part);
    }
    let (size, table) = (table.len(), table.concat());
    parts.push(format!(
        "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n"
    ));
    parts.push(format!("startxref\n{begins}\n%%EOF\n"));
    parts.concat().into_bytes()
}

fn pdf_text(line: &str) -> String {
    line.chars()
        .map(|character| match character {
            '(' | ')' | '\\' => format!("\\{character}"),
            ' '..='~' => character.to_string(),
            '\u{a0}'..='\u{ff}' => format!("\\{:03o}", u32::from(character)),
            _ => "?".to_owned(),
        })
        .collect()
}

const SIDE: u32 = 32;

/// A PNG of 32 by 32 pixels in a colour that follows from the text, which it also carries as a comment.
pub fn png(lines: &[&str]) -> Vec<u8> {
    let comment = [b"Comment\0", lines.join(", ").as_bytes()].concat();
    let [.., red, green, blue] = checksum(&comment).to_be_bytes();
    let row = [vec![0], [red, green, blue].repeat(32)].concat();
    let pixels = row.repeat(32);
    let header = [&SIDE.to_be_bytes()[..], &SIDE.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let chunks = [
        (b"IHDR", header),
        (b"tEXt", comment),
        (b"IDAT", stored(&pixels)),
        (b"IEND", Vec::new()),
    ];
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in chunks {
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let body = [&kind[..], &content].concat();
        file.extend(length.to_be_bytes());
        file.extend(&body);
        file.extend(checksum(&body).to_be_bytes());
    }
    file
}

/// Zlib data of one block that is not compressed, which needs no more than 65535 bytes of content.
fn stored(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let (low, high) = content.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65521;
        (low, (high + low) % 65521)
    });
    let adler = (high << 16 | low).to_be_bytes();
    [
        &[0x78, 0x01, 0x01][..],
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
        content,
        &adler,
    ]
    .concat()
}

/// The CRC-32 that PNG uses.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 {
                sum >> 1 ^ 0xEDB8_8320
            } else {
                sum >> 1
            }
        })
    })
}
