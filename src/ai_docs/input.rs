//! What is handed in: text that somebody wrote, at a place in the project.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Format, Style};
use crate::error::{Error, Result};
use crate::projects::path::ProjectPath;

/// Files beside the one that is explained.
const MOST_NEIGHBOURS: usize = 10;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDoc {
    pub path: ProjectPath,
    /// Text: what is binary or was generated is refused.
    #[schemars(length(min = 1), example = &"fn main() {\n    serve(settings());\n}\n")]
    pub contents: String,
    /// Files that help to understand it; they count as the file does.
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub context: Vec<Neighbour>,
    #[serde(default)]
    pub style: Style,
    #[serde(default)]
    pub format: Format,
    /// What it is written in for people, like `en` or `pt-BR`; absent: as the file is.
    pub language: Option<Language>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AiDocNeighbour")]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    pub path: ProjectPath,
    #[schemars(example = &"pub fn settings() -> Settings;")]
    pub contents: String,
}

/// A language's tag.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct Language(String);

impl AsRef<str> for Language {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let tag = String::deserialize(from)?;
        let valid =
            (2..=35).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if valid { Ok(Language(tag)) } else { Err(D::Error::custom("must be a language's tag, like en or pt-BR")) }
    }
}

impl JsonSchema for Language {
    fn schema_name() -> Cow<'static, str> {
        "Language".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9-]{2,35}$", "examples": ["en"] })
    }
}

/// What is no text, by what its name ends with.
const BINARY: &str = "7z a avi bin bmp bz2 class dll dylib eot exe flac gif gz ico jar jpeg jpg mov mp3 mp4 o obj ogg \
    otf pdf png psd pyc rar so sqlite tar tgz ttf wasm wav webm webp woff woff2 xls xlsx xz zip zst";

/// What nobody wrote: a folder on the way to it, or its whole name.
const GENERATED: &str = ".git .next .venv __pycache__ bower_components dist node_modules target vendor \
    Cargo.lock Gemfile.lock Pipfile.lock bun.lockb composer.lock flake.lock go.sum npm-shrinkwrap.json \
    package-lock.json pnpm-lock.yaml poetry.lock uv.lock yarn.lock";

/// What nobody wrote, by how its name ends.
const GENERATED_ENDS: [&str; 10] =
    [".min.js", ".min.css", ".map", ".pb.go", "_pb2.py", ".pb.h", ".pb.cc", ".g.dart", ".designer.cs", ".lock"];

/// Lines in which a generator says that it was there.
const HEAD: usize = 10;
/// Characters a line has on average where nobody wrote it.
const MINIFIED: usize = 400;

impl NewDoc {
    /// Refuses what the provider would make nothing of.
    pub fn check(&self) -> Result<()> {
        if self.contents.trim().is_empty() {
            return Err(Error::invalid("contents", "must not be empty"));
        }
        if self.context.len() > MOST_NEIGHBOURS {
            return Err(Error::invalid("context", format!("must be at most {MOST_NEIGHBOURS} files")));
        }
        let refused = |what, field: String| match what {
            Some(what) => Err(Error::invalid(field, format!("must not be {what}"))),
            None => Ok(()),
        };
        let path = self.path.as_str();
        refused(named(path), "path".into())?;
        refused(written(&self.contents), "contents".into())?;
        for (i, Neighbour { path, contents }) in self.context.iter().enumerate() {
            refused(named(path.as_str()), format!("context[{i}].path"))?;
            refused(written(contents), format!("context[{i}].contents"))?;
        }
        Ok(())
    }

    pub fn bytes(&self) -> u64 {
        let beside: usize = self.context.iter().map(|file| file.contents.len()).sum();
        u64::try_from(self.contents.len().saturating_add(beside)).unwrap_or(u64::MAX)
    }
}

fn named(path: &str) -> Option<&'static str> {
    let lower = path.to_lowercase();
    let end = lower.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, end)| end);
    let generated = |part: &str| GENERATED.split_whitespace().any(|name| name.eq_ignore_ascii_case(part));
    if BINARY.split_whitespace().any(|binary| binary == end) {
        return Some("a binary file");
    }
    let is_generated = path.split('/').any(generated) || GENERATED_ENDS.iter().any(|end| lower.ends_with(end));
    is_generated.then_some("a generated file")
}

fn written(contents: &str) -> Option<&'static str> {
    let odd = contents.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}')).count();
    let unreadable = contents.matches('\u{fffd}').count();
    // A stray escape is text; more of them than one in ten characters is none.
    if contents.contains('\0') || (odd + unreadable) * 10 > contents.chars().count() {
        return Some("binary");
    }
    let says = |line: &str| {
        let line = line.to_lowercase();
        line.contains("@generated") || (line.contains("generated") && line.contains("do not edit"))
    };
    let length = contents.chars().count();
    let minified = length > 5 * MINIFIED && length / contents.lines().count().max(1) > MINIFIED;
    (contents.lines().take(HEAD).any(says) || minified).then_some("generated")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_wrote_is_told_by_its_name() {
        for (path, what) in [
            ("src/main.rs", None),
            ("Makefile", None),
            ("docs/generated.md", None),
            ("targets/list.txt", None),
            (".github/workflows/ci.yml", None),
            ("img/logo.PNG", Some("a binary file")),
            ("a/b.tar.gz", Some("a binary file")),
            ("web/node_modules/x/index.js", Some("a generated file")),
            ("package-lock.json", Some("a generated file")),
            ("Cargo.lock", Some("a generated file")),
            ("static/app.min.js", Some("a generated file")),
            ("api/v1/thing.pb.go", Some("a generated file")),
        ] {
            assert_eq!(named(path), what, "{path}");
        }
    }

    #[test]
    fn what_nobody_wrote_is_told_by_what_is_in_it() {
        assert_eq!(written("fn main() {}\n"), None);
        assert_eq!(written("print('\u{1b}[31m') # colours\n".repeat(3).as_str()), None);
        assert_eq!(written("// It was generated by hand, so edit it.\n"), None);
        assert_eq!(written("\0"), Some("binary"));
        assert_eq!(written("\u{1}\u{2}PK\u{3}\u{4}"), Some("binary"));
        assert_eq!(written("\u{fffd}\u{fffd}JFIF"), Some("binary"));
        assert_eq!(written("// Code generated by protoc. DO NOT EDIT.\npackage x"), Some("generated"));
        assert_eq!(written("# @generated\n"), Some("generated"));
        assert_eq!(written(&"a=b;".repeat(2000)), Some("generated"));
        assert_eq!(written(&format!("{}// generated, do not edit", "x\n".repeat(50))), None);
    }
}
