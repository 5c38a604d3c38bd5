//! What a file is, by how it begins. What the client says of it is not believed.
//!
//! Nothing that a browser would run has a type of its own here: such files are text.

/// Bytes that are enough to tell.
pub const ENOUGH: usize = 512;

const TEXT: &str = "text/plain";
const ANYTHING: &str = "application/octet-stream";

/// A type with the bytes that tell it, and where they stand.
const SIGNS: [(&str, usize, &[u8]); 26] = [
    ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/gif", 0, b"GIF87a"),
    ("image/gif", 0, b"GIF89a"),
    ("image/webp", 8, b"WEBPVP8"),
    ("image/avif", 4, b"ftypavif"),
    ("image/heic", 4, b"ftypheic"),
    ("image/tiff", 0, b"II*\0"),
    ("image/tiff", 0, b"MM\0*"),
    ("image/bmp", 0, b"BM"),
    ("image/vnd.microsoft.icon", 0, b"\0\0\x01\0"),
    ("application/pdf", 0, b"%PDF-"),
    ("application/zip", 0, b"PK\x03\x04"),
    ("application/gzip", 0, b"\x1f\x8b\x08"),
    ("application/x-7z-compressed", 0, b"7z\xbc\xaf\x27\x1c"),
    ("application/vnd.rar", 0, b"Rar!\x1a\x07"),
    ("application/zstd", 0, b"\x28\xb5\x2f\xfd"),
    ("application/vnd.sqlite3", 0, b"SQLite format 3\0"),
    ("video/quicktime", 4, b"ftypqt"),
    ("video/mp4", 4, b"ftyp"),
    ("video/webm", 0, b"\x1a\x45\xdf\xa3"),
    ("audio/mpeg", 0, b"ID3"),
    ("audio/wav", 8, b"WAVEfmt "),
    ("audio/flac", 0, b"fLaC"),
    ("audio/ogg", 0, b"OggS"),
    ("font/woff2", 0, b"wOF2"),
];

/// `whole`: there is no more of it.
pub fn content_type(start: &[u8], whole: bool) -> &'static str {
    let begins = |at: usize, sign: &[u8]| start.get(at..).is_some_and(|rest| rest.starts_with(sign));
    match SIGNS.iter().find(|(_, at, sign)| begins(*at, sign)) {
        // Two letters are not much of a sign.
        Some((found, ..)) if *found != "image/bmp" || !is_text(start, whole) => found,
        _ if is_text(start, whole) => TEXT,
        _ => ANYTHING,
    }
}

/// UTF-8 without what no text has. A last character may be cut.
fn is_text(start: &[u8], whole: bool) -> bool {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && !whole => {
            let valid = start.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.bytes().any(|b| b < b' ' && !matches!(b, b'\n' | b'\r' | b'\t' | b'\x0c' | b'\x1b'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_begins_with() {
        let of = |start: &[u8]| content_type(start, true);
        assert_eq!(of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png");
        assert_eq!(of(b"RIFF\x10\0\0\0WEBPVP8 "), "image/webp");
        assert_eq!(of(b"\0\0\0\x18ftypmp42"), "video/mp4");
        assert_eq!(of(b"BM\x36\0\0\0"), "image/bmp");
        assert_eq!(of(b"BMW is no picture"), "text/plain");
        for text in ["<script>alert(1)</script>", "<svg xmlns=\"x\"/>", "héllo\n", "{}"] {
            assert_eq!(of(text.as_bytes()), "text/plain");
        }
        assert_eq!(of(b"MZ\x90\0"), "application/octet-stream");
        assert_eq!(of(b"\xff\xfe"), "application/octet-stream");
    }

    #[test]
    fn a_character_may_be_cut_where_more_follows() {
        assert_eq!(content_type(b"caf\xc3", false), "text/plain");
        assert_eq!(content_type(b"caf\xc3", true), "application/octet-stream");
    }
}
