//! Forms with files (`multipart/form-data`, RFC 7578), read as they come in.
//!
//! Whatever is sent, no more is held than a chunk of the body and one part's head. multer keeps
//! what it cannot place yet, and searches it anew with each chunk: a head without end, all of it.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, header};
use memchr::memchr_iter;

use crate::error::{Code, Error, Result};
use crate::host::{Chunks, Incoming};

/// Bytes of the lines above a part's content.
const HEAD_LIMIT: usize = 8 * 1024;
/// RFC 2046.
const BOUNDARY_LIMIT: usize = 70;

/// A form on its way in.
pub struct Form {
    chunks: Option<Chunks>,
    parser: Parser,
    left: u64,
    length: Option<u64>,
}

/// What comes next of a form.
#[derive(Debug, PartialEq)]
pub enum Piece {
    /// A field begins.
    Field(Field),
    /// Some more of the field's content.
    Content(Bytes),
}

#[derive(Debug, PartialEq)]
pub struct Field {
    pub name: String,
    /// As the client wrote it. Only files have one.
    pub filename: Option<String>,
}

impl Form {
    /// Of a body; `None`: there is none.
    pub fn new(boundary: &str, body: Option<&Incoming>) -> Self {
        Form {
            chunks: body.map(Incoming::chunks),
            parser: Parser::new(boundary),
            left: u64::MAX,
            length: body.and_then(Incoming::length),
        }
    }

    /// How many bytes the caller says there are.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Reads no more bytes than this.
    pub fn limited(self, left: u64) -> Self {
        Form { left, ..self }
    }

    /// `None`: the form has come in whole.
    pub async fn next(&mut self) -> Result<Option<Piece>> {
        loop {
            match self.parser.next()? {
                Step::Piece(piece) => return Ok(Some(piece)),
                Step::End => return Ok(None),
                Step::Hungry => {}
            }
            let chunk = match &self.chunks {
                Some(chunks) => chunks.next().await?,
                None => None,
            };
            let chunk = chunk.ok_or_else(malformed)?;
            self.left = self.left.checked_sub(chunk.len() as u64).ok_or(Code::PayloadTooLarge)?;
            self.parser.feed(&chunk);
        }
    }
}

fn malformed() -> Error {
    Error::new(Code::BadRequest).saying("The form is malformed or ends early.")
}

/// The boundary a `Content-Type` announces; `None`: it is of no form.
pub fn boundary(content_type: &str) -> Option<Result<String>> {
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let found = parameter(parameters, "boundary").filter(|text| (1..=BOUNDARY_LIMIT).contains(&text.len()));
    Some(found.ok_or_else(|| Error::new(Code::BadRequest).saying("The Content-Type has no boundary.")))
}

pub fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    boundary(content_type.unwrap_or_default()).is_some()
}

struct Parser {
    /// What ends a content: a line break and the boundary.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Before the first part, where nothing counts.
    Preamble,
    /// Behind a delimiter.
    Delimited,
    Content,
    End,
}

enum Step {
    Piece(Piece),
    Hungry,
    End,
}

impl Parser {
    fn new(boundary: &str) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // As if a line went before, the first delimiter is like any other.
        Parser { delimiter, buffer: BytesMut::from("\r\n"), state: State::Preamble }
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn next(&mut self) -> Result<Step> {
        while matches!(self.state, State::Preamble | State::Content) {
            let length = self.delimiter.len();
            let content = match find(&self.buffer, &self.delimiter) {
                Some(0) => {
                    self.buffer.advance(length);
                    self.state = State::Delimited;
                    break;
                }
                Some(at) => self.buffer.split_to(at),
                // The rest may be the beginning of a delimiter.
                None if self.buffer.len() < length => return Ok(Step::Hungry),
                None => self.buffer.split_to(self.buffer.len() - length + 1),
            };
            if self.state == State::Content {
                return Ok(Step::Piece(Piece::Content(content.freeze())));
            }
        }
        if self.buffer.starts_with(b"--") {
            self.state = State::End;
        }
        if self.state == State::End {
            return Ok(Step::End);
        }
        match find(&self.buffer, b"\r\n\r\n") {
            Some(at) if at <= HEAD_LIMIT => {
                let head = self.buffer.split_to(at + 4);
                self.state = State::Content;
                field(&head).map(|field| Step::Piece(Piece::Field(field))).ok_or_else(malformed)
            }
            None if self.buffer.len() <= HEAD_LIMIT => Ok(Step::Hungry),
            _ => Err(malformed()),
        }
    }
}

/// Where something that begins with a line break stands.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr_iter(b'\r', text).find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(wanted)))
}

/// What stands between a delimiter and the content.
fn field(head: &[u8]) -> Option<Field> {
    let head = String::from_utf8_lossy(head);
    let (padding, lines) = head.split_once("\r\n")?;
    if !padding.trim().is_empty() {
        return None;
    }
    let disposition = lines.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let (kind, parameters) = disposition.split_once(';')?;
    let name = parameter(parameters, "name").filter(|_| kind.trim().eq_ignore_ascii_case("form-data"))?;
    Some(Field { name, filename: parameter(parameters, "filename") })
}

fn parameter(mut text: &str, wanted: &str) -> Option<String> {
    loop {
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = value(rest);
        if name.trim_start_matches([';', ' ', '\t']).trim_end().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        text = rest;
    }
}

/// A parameter's value, in quotes or not, and what stands behind it.
fn value(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim().to_owned(), rest);
    };
    let (mut value, mut chars) = (String::new(), quoted.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            // Other backslashes are of paths.
            '\\' if chars.as_str().starts_with(['"', '\\']) => value.extend(chars.next()),
            c => value.push(c),
        }
    }
    (value, chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fields = Vec<(String, Option<String>, Vec<u8>)>;

    /// The fields of a form that comes in pieces of this size; `None`: it is malformed or not whole.
    fn read(body: &[u8], size: usize) -> Option<Fields> {
        let mut parser = Parser::new("b0");
        let mut fields = Fields::new();
        let mut chunks = body.chunks(size);
        loop {
            match parser.next().ok()? {
                Step::Piece(Piece::Field(Field { name, filename })) => fields.push((name, filename, Vec::new())),
                Step::Piece(Piece::Content(bytes)) => fields.last_mut()?.2.extend_from_slice(&bytes),
                Step::End => return Some(fields),
                Step::Hungry => parser.feed(chunks.next()?),
            }
            assert!(parser.buffer.len() <= HEAD_LIMIT + size, "it keeps too much");
        }
    }

    fn part(disposition: &str, content: &str) -> String {
        format!("--b0\r\nContent-Disposition: {disposition}\r\n\r\n{content}\r\n")
    }

    #[test]
    fn a_form_reads_the_same_however_it_is_cut() {
        let nearly = "\r\n--b\r\n\r\n--b1 \r\r\n-- \r\n";
        let body = format!(
            "preamble\r\n{}{}--b0 \t\r\ncontent-type: a/b\r\nCONTENT-DISPOSITION:form-data;name=c\r\n\r\n\r\n--b0--epilogue",
            part("form-data; name=\"a\"; filename=\"x;y.txt\"", nearly),
            part("form-data; filename=n.txt; name=b", ""),
        );
        let expected = vec![
            ("a".into(), Some("x;y.txt".into()), nearly.into()),
            ("b".into(), Some("n.txt".into()), vec![]),
            ("c".into(), None, vec![]),
        ];
        for size in 1..=body.len() {
            assert_eq!(read(body.as_bytes(), size), Some(expected.clone()), "in pieces of {size}");
        }
        for end in 0..body.len() - "--epilogue".len() {
            assert_eq!(read(body.get(..end).unwrap_or_default().as_bytes(), 7), None, "the first {end}");
        }
    }

    #[test]
    fn what_is_no_form_is_refused_before_it_is_kept() {
        let long = format!("--b0\r\n{}", "x".repeat(100_000));
        let unnamed = part("form-data; filename=\"x\"", "");
        for bad in [&long, &unnamed, &part("attachment; name=a", ""), "--b0x\r\n\r\n", "--b0\r\n\r\n\r\n--b0--"] {
            assert_eq!(read(bad.as_bytes(), 1000), None, "{bad}");
        }
        assert_eq!(read(&[b'x'; 100_000], 1000), None);
    }

    #[test]
    fn names_come_quoted_and_bare() {
        let of = |text: &str| parameter(text, "filename");
        assert_eq!(of(r#" name="filename=\"no\""; FileName = "a \"b\".txt"; x=y"#), Some("a \"b\".txt".into()));
        assert_eq!(of(r#"filename="C:\dir\a.txt""#), Some(r"C:\dir\a.txt".into()));
        assert_eq!(of("filename*=UTF-8''x"), None);
        assert_eq!(of("filename=a.txt ; x"), Some("a.txt".into()));
        let boundary = |text| super::boundary(text).map(|found| found.ok());
        assert_eq!(boundary("Multipart/Form-Data; charset=x; boundary=\"a b\""), Some(Some("a b".into())));
        assert_eq!(boundary("multipart/form-data"), Some(None));
        assert_eq!(boundary("multipart/form-data; boundary="), Some(None));
        assert_eq!(boundary("multipart/mixed; boundary=x"), None);
    }
}
