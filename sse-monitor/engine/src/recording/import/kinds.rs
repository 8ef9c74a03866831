//! Files that are known by their first bytes to be nothing that can be imported.

/// With what each begins, and what it is. No body of an event stream begins so.
const KINDS: [(&[u8], &str); 13] = [
    (b"\x1F\x8B", "compressed (gzip); import what gunzip makes of it"),
    (b"\x28\xB5\x2F\xFD", "compressed (zstd); import what unzstd makes of it"),
    (b"\xFD7zXZ\0", "compressed (xz); import what unxz makes of it"),
    (b"BZh91AY&SY", "compressed (bzip2); import what bunzip2 makes of it"),
    (b"PK\x03\x04", "a ZIP file; unpack it and import what is in it"),
    (b"\xFF\xFE", "text in UTF-16; import what iconv -f UTF-16 -t UTF-8 makes of it"),
    (b"\xFE\xFF", "text in UTF-16; import what iconv -f UTF-16 -t UTF-8 makes of it"),
    (b"\x7FELF", "a program (ELF), and no body of a stream"),
    (b"\x89PNG\r\n\x1A\n", "an image (PNG), and no body of a stream"),
    (b"\xFF\xD8\xFF", "an image (JPEG), and no body of a stream"),
    (b"%PDF-", "a document (PDF), and no body of a stream"),
    (b"SQLite format 3\0", "a database (SQLite), and no body of a stream"),
    (b"\xD4\xC3\xB2\xA1", "a capture of packets, and no body of a stream"),
];

/// What a file with this beginning is, for a sentence, if it is one of these.
pub(super) fn no_text(beginning: &[u8]) -> Option<&'static str> {
    let kind = KINDS.iter().find(|(first, _)| beginning.starts_with(first));
    kind.map(|(_, what)| *what)
}
