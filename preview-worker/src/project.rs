//! The files of a preview, in memory, and which of them is the page.

use std::collections::HashMap;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::fault::Fault;
use crate::markdown;

const IN_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'?').add(b'<').add(b'>').add(b'\\');
const USUAL: [&str; 4] = ["index.html", "index.htm", "index.md", "README.md"];

pub struct Project {
    files: HashMap<String, Vec<u8>>,
    entry: String,
    /// The entry as a page, where it is Markdown.
    page: Option<Vec<u8>>,
}

/// A file as it is served.
pub struct Served<'a> {
    pub bytes: &'a [u8],
    pub kind: &'static str,
}

impl Project {
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>, entry: Option<&str>) -> Result<Project, Fault> {
        let files: HashMap<String, Vec<u8>> = files.into_iter().collect();
        let entry = entry.map(str::to_owned).or_else(|| usual(&files)).ok_or(Fault::Unsupported)?;
        let bytes = files.get(&entry).ok_or(Fault::Unsupported)?;
        let page = match extension(&entry).as_str() {
            "html" | "htm" => None,
            "md" | "markdown" => Some(markdown::page(&String::from_utf8_lossy(bytes)).into_bytes()),
            _ => return Err(Fault::Unsupported),
        };
        Ok(Project { files, entry, page })
    }

    pub fn entry(&self) -> &str {
        &self.entry
    }

    pub fn is_markdown(&self) -> bool {
        self.page.is_some()
    }

    /// The path of the entry in an address.
    pub fn entry_path(&self) -> String {
        format!("/{}", utf8_percent_encode(&self.entry, IN_PATH))
    }

    /// What is at a path of an address, with whatever follows it.
    pub fn find(&self, path: &str) -> Option<Served<'_>> {
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_start_matches('/');
        let path = percent_decode_str(path).decode_utf8().ok()?;
        if path == self.entry {
            let bytes = self.page.as_ref().or_else(|| self.files.get(&self.entry))?;
            return Some(Served { bytes, kind: "text/html; charset=utf-8" });
        }
        // A site made for a host of its own keeps its absolute addresses in a folder.
        let folder = self.entry.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let index = if path.is_empty() || path.ends_with('/') { "index.html" } else { "" };
        let tried = [format!("{path}{index}"), format!("{folder}{path}{index}"), format!("{path}/index.html")];
        let (name, bytes) = tried.iter().find_map(|name| self.files.get_key_value(name))?;
        Some(Served { bytes, kind: kind(name, bytes) })
    }
}

fn usual(files: &HashMap<String, Vec<u8>>) -> Option<String> {
    if let Some(name) = USUAL.iter().find(|name| files.contains_key(**name)) {
        return Some((*name).to_owned());
    }
    let mut pages = files.keys().filter(|path| matches!(extension(path).as_str(), "html" | "htm" | "md" | "markdown"));
    pages.next().filter(|_| pages.next().is_none()).cloned()
}

fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or(String::new(), |(_, end)| end.to_ascii_lowercase())
}

fn kind(path: &str, bytes: &[u8]) -> &'static str {
    match extension(path).as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ if std::str::from_utf8(bytes).is_ok() => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::Project;
    use crate::fault::Fault;

    fn project(paths: &[&str], entry: Option<&str>) -> Result<Project, Fault> {
        Project::new(paths.iter().map(|path| (path.to_string(), path.as_bytes().to_vec())), entry)
    }

    #[test]
    fn the_entry_is_the_one_named_or_the_usual_or_the_only_one() {
        let entry = |paths: &[&str], named| project(paths, named).map(|project| project.entry);
        assert_eq!(entry(&["a.html", "b.html"], Some("b.html")).as_deref(), Ok("b.html"));
        assert_eq!(entry(&["README.md", "index.html"], None).as_deref(), Ok("index.html"));
        assert_eq!(entry(&["docs/a.md", "x.css"], None).as_deref(), Ok("docs/a.md"));
        assert_eq!(entry(&["a.html", "b.html"], None), Err(Fault::Unsupported));
        assert_eq!(entry(&["a.html"], Some("c.html")), Err(Fault::Unsupported));
        assert_eq!(entry(&["main.rs"], Some("main.rs")), Err(Fault::Unsupported));
    }

    #[test]
    fn files_are_found_as_a_web_server_finds_them() {
        let project = project(&["site/index.html", "site/a.css", "b c.js", "d/index.html"], Some("site/index.html"));
        let project = project.unwrap();
        let found = |path: &str| project.find(path).map(|file| String::from_utf8_lossy(file.bytes).into_owned());
        assert_eq!(found("/site/a.css?v=2").as_deref(), Some("site/a.css"));
        assert_eq!(found("/a.css").as_deref(), Some("site/a.css"));
        assert_eq!(found("/b%20c.js#x").as_deref(), Some("b c.js"));
        assert_eq!(found("/d/").as_deref(), Some("d/index.html"));
        assert_eq!(found("/").as_deref(), Some("site/index.html"));
        assert_eq!(found("/../etc/passwd"), None);
        assert_eq!(found("/%ff"), None);
    }

    #[test]
    fn an_entry_of_any_name_has_an_address() {
        let project = project(&["a b/ü#1%.html"], None).unwrap();
        assert_eq!(project.entry_path(), "/a%20b/%C3%BC%231%25.html");
        assert!(project.find(&project.entry_path()).is_some());
    }

    #[test]
    fn kinds_follow_the_name_and_unknown_ones_the_bytes() {
        let kind = |name: &str, bytes: &[u8]| super::kind(name, bytes);
        assert_eq!(kind("a/B.PNG", b""), "image/png");
        assert_eq!(kind("LICENSE", b"text"), "text/plain; charset=utf-8");
        assert_eq!(kind("x.bin", b"\xff\x00"), "application/octet-stream");
    }
}
