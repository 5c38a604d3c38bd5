//! Asking for a preview: what is handed in, checked and put where a worker finds it.

use std::collections::{HashMap, HashSet};

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Preview;
use super::device::{Device, Platform};
use super::files::{self, Pack, Sha256Hex};
use super::token::Claims;
use crate::access::Can;
use crate::access::Contribute;
use crate::app::App;
use crate::db::{DAY, HOUR, Id, Time};
use crate::error::{Code, Error, Result};
use crate::http::Created;
use crate::jobs::rules::Rule;
use crate::jobs::{self, JobKind};
use crate::limits::{Allowance, Quota};
use crate::projects::Project;
use crate::projects::path::ProjectPath;

/// A file of the project: with its contents, or by the hash of what was handed in before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPreviewFile")]
struct NewFile {
    path: ProjectPath,
    /// Of the contents, if they are here; else of a file uploaded within the last day.
    hash: Option<Sha256Hex>,
    /// As text.
    #[schemars(example = &"<h1>Launch</h1>")]
    contents: Option<String>,
    /// As base64, where it is no text.
    contents_base64: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
pub struct NewPreview {
    #[schemars(length(min = 1))]
    files: Vec<NewFile>,
    platform: Platform,
    /// Of the platform; the usual one, if none is said.
    devices: Option<Vec<Device>>,
    /// The page to show: `index.html`, if none is said, else `index.md` or `README.md`, else the only page there is.
    entry: Option<ProjectPath>,
    /// Whether scripts stay out.
    #[serde(default)]
    safe_mode: bool,
    /// Ignored: the caller's tier counts.
    #[serde(default, rename = "tier")]
    #[schemars(with = "Option<String>")]
    _tier: IgnoredAny,
}

/// A preview that was requested, with a token for the device that is going to show it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RequestedPreview")]
pub struct Requested {
    #[serde(flatten)]
    pub preview: Preview,
    /// Opens the files once they are there: `GET /previews/{job_id}/{name}?token=`.
    #[schemars(example = &"eyJ2ZXIiOjF9.Zx3vQ0mT8Kp1cW6uYbN4dR7hJ2fL5sA9gE0iXoMtqVk")]
    pub preview_token: String,
    pub token_expires_at: Time,
}

/// What a job's row keeps of the request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wish {
    pub platform: Platform,
    pub devices: Vec<Device>,
    pub entry: ProjectPath,
    pub safe_mode: bool,
    pub file_count: usize,
    /// The stored file with the list of the others, where that begins, and its bytes.
    pub list: (Id, u64, u64),
}

/// A line of that list.
#[derive(Serialize, Deserialize)]
pub struct Listed {
    pub path: ProjectPath,
    pub sha256: Sha256Hex,
}

/// What was handed in, as it is stored: contents one after the other, and the list of all files behind them.
struct HandedIn {
    contents: Vec<Bytes>,
    places: Vec<(Sha256Hex, u64, u64)>,
    list: Vec<Listed>,
    /// Hashes that must be known already, as often as they are named.
    known: Vec<Sha256Hex>,
    /// Bytes of the files whose contents came along, as often as they are named, if only by their hash.
    bytes: u64,
}

fn invalid(at: usize, field: &str, message: &str) -> Error {
    Error::invalid(format!("files[{at}].{field}"), message)
}

impl NewFile {
    fn contents(&mut self, at: usize) -> Result<Option<Bytes>> {
        match (self.contents.take(), self.contents_base64.take()) {
            (Some(_), Some(_)) => Err(invalid(at, "contents", "must not come twice")),
            (Some(text), None) => Ok(Some(text.into())),
            (None, Some(text)) => {
                let bytes = Base64::decode_vec(&text).map_err(|_| invalid(at, "contents_base64", "must be base64"))?;
                Ok(Some(bytes.into()))
            }
            (None, None) => Ok(None),
        }
    }
}

impl HandedIn {
    fn read(files: Vec<NewFile>) -> Result<Self> {
        let (mut contents, mut places, mut known, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let mut list: Vec<Listed> = Vec::with_capacity(files.len());
        let (mut names, mut here) = (HashSet::new(), HashMap::<Sha256Hex, u64>::new());
        let mut end = 0;
        for (at, mut file) in files.into_iter().enumerate() {
            if !names.insert(file.path.folded()) {
                return Err(invalid(at, "path", "is there twice, if case does not count"));
            }
            let sha256 = match (file.contents(at)?, file.hash) {
                (Some(content), hash) => {
                    let is = Sha256Hex::of(&content);
                    if hash.is_some_and(|said| said != is) {
                        return Err(invalid(at, "hash", "is not that of the contents"));
                    }
                    let length = content.len() as u64;
                    bytes += length;
                    if here.insert(is.clone(), length).is_none() {
                        places.push((is.clone(), end, length));
                        end += length;
                        contents.push(content);
                    }
                    is
                }
                (None, Some(hash)) => {
                    known.push(hash.clone());
                    hash
                }
                (None, None) => return Err(invalid(at, "hash", "is required where there are no contents")),
            };
            list.push(Listed { path: file.path, sha256 });
        }
        // What came along with one file may be named by another.
        bytes += known.iter().filter_map(|hash| here.get(hash)).sum::<u64>();
        known.retain(|hash| !here.contains_key(hash));
        Ok(HandedIn { contents, places, list, known, bytes })
    }

    /// The page to show.
    fn entry(&self, wanted: Option<ProjectPath>) -> Result<ProjectPath> {
        let find = |name: &str| self.list.iter().find(|file| file.path.as_str() == name).map(|file| file.path.clone());
        if let Some(path) = wanted {
            return find(path.as_str()).ok_or_else(|| Error::invalid("entry", "is none of the files"));
        }
        let is_page = |file: &&Listed| {
            file.path
                .extension()
                .is_some_and(|extension| ["html", "htm", "md", "markdown"].contains(&extension.as_str()))
        };
        let pages: Vec<&Listed> = self.list.iter().filter(is_page).collect();
        let only = || match pages.as_slice() {
            [page] => Some(page.path.clone()),
            _ => None,
        };
        let usual = ["index.html", "index.md", "README.md"].into_iter().find_map(find);
        usual.or_else(only).ok_or_else(|| Error::invalid("entry", "must say which page to show"))
    }

    /// Into the store, as one file.
    async fn store(&self, app: &App, file: &Id) -> Result<(Id, u64, u64)> {
        let list = serde_json::to_vec(&self.list).map_err(|error| Error::internal(error.to_string()))?;
        let (start, bytes) = (self.contents.iter().map(|content| content.len() as u64).sum(), list.len() as u64);
        let storing = app.host().store_file(&files::key(file));
        for piece in self.contents.iter().cloned().chain([list.into()]) {
            if let Err(error) = storing.write(piece).await {
                storing.abort().await;
                return Err(error);
            }
        }
        storing.finish().await?;
        Ok((file.clone(), start, bytes))
    }
}

fn devices(wanted: Option<Vec<Device>>, platform: Platform, quota: &Quota) -> Result<Vec<Device>> {
    let devices = wanted.unwrap_or_else(|| vec![Device::usual(platform)]);
    if devices.is_empty() || devices.iter().any(|device| device.platform() != platform) {
        return Err(Error::invalid("devices", "must be one or more of the platform"));
    }
    let distinct = devices.iter().enumerate().all(|(at, device)| devices.iter().take(at).all(|other| other != device));
    if !distinct {
        return Err(Error::invalid("devices", "must not be there twice"));
    }
    check(quota, devices.len() as u64)?;
    Ok(devices)
}

fn check(quota: &Quota, used: u64) -> Result<()> {
    let most = quota.limit().and_then(|limit| u64::try_from(limit).ok());
    if most.is_some_and(|most| used > most) { Err(quota.exceeded(used)) } else { Ok(()) }
}

impl NewPreview {
    pub async fn request(self, app: &App, project: &Can<Contribute, Project>) -> Result<Created<Requested>> {
        let quota = |what, of: fn(&Allowance) -> Option<u64>| {
            app.quota(&project.actor, what, of).refusing_with(Code::PreviewLimitExceeded)
        };
        check(&quota("files per preview", |allowed| allowed.preview_files), self.files.len() as u64)?;
        let devices =
            devices(self.devices, self.platform, &quota("devices per preview", |allowed| allowed.devices_per_preview))?;
        if self.files.is_empty() {
            return Err(Error::invalid("files", "must be one or more"));
        }
        let handed_in = HandedIn::read(self.files)?;
        let heavy = quota("bytes per preview", |allowed| allowed.preview_bytes);
        check(&heavy, handed_in.bytes)?;
        let entry = handed_in.entry(self.entry)?;
        let (id, file, by) = (app.id()?, app.id()?, app.by(&project.actor));
        let wish = Wish {
            platform: self.platform,
            devices,
            entry,
            safe_mode: self.safe_mode,
            file_count: handed_in.list.len(),
            list: handed_in.store(app, &file).await?,
        };
        let preview = Preview::queued(id, project, &wish, by.at);
        let (preview_token, token_expires_at) =
            app.config().preview_keys.sign(&Claims::of(&preview, project.actor.user.id), by.at)?;
        let request = jobs::New {
            id: &preview.id.clone(),
            kind: JobKind::Preview,
            project: &project.id,
            user: project.actor.user.id,
            tier: project.actor.user.tier,
            request: json!(wish),
        };
        let rules = vec![
            Rule::AtOnce(quota("concurrent previews", |allowed| allowed.concurrent_previews)),
            Rule::Within(quota("previews per hour", |allowed| allowed.previews_per_hour), HOUR),
            Rule::Within(quota("previews per day", |allowed| allowed.previews_per_day), DAY),
        ];
        let known: Vec<&Sha256Hex> = handed_in.known.iter().collect();
        let weighs = files::refuse_heavy(&project.id, &known, handed_in.bytes, &heavy, rules.len() as i64);
        let pack = Pack { file, places: handed_in.places };
        let change = jobs::request(request, rules, Requested { preview, preview_token, token_expires_at }, &by)
            .run(files::refuse_missing(&project.id, &known, by.at))
            .within(heavy, weighs)
            .run(pack.know(&project.id, by.at));
        match app.commit(change).await {
            Err(error) => {
                files::discard(app, &pack.file, &error).await;
                Err(if error.code == Code::FilesMissing {
                    missing(app, &project.id, &known, error).await
                } else {
                    error
                })
            }
            created => created,
        }
    }
}

/// Says which, so that they can be uploaded.
async fn missing(app: &App, project: &Id, known: &[&Sha256Hex], error: Error) -> Error {
    #[derive(Deserialize)]
    struct Missing {
        sha256: Sha256Hex,
    }
    let found = app
        .read(vec![files::missing(project, known, app.now())])
        .await
        .and_then(|mut answers| answers.rows::<Missing>());
    match found {
        Ok(missing) => error.with("missing", missing.into_iter().map(|file| json!(file.sha256)).collect::<Vec<_>>()),
        Err(failed) => failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: serde_json::Value) -> Result<HandedIn> {
        HandedIn::read(serde_json::from_value(files).map_err(|error| Error::internal(error.to_string()))?)
    }

    fn complaint(files: serde_json::Value) -> String {
        read(files).err().map(|error| error.body("")).unwrap_or_default()
    }

    #[test]
    fn contents_are_stored_once_however_often_they_are_named() {
        let hash = Sha256Hex::of(b"one");
        let all = read(json!([
            { "path": "a.txt", "contents": "one" },
            { "path": "b.txt", "contents_base64": "b25l", "hash": hash },
            { "path": "c.txt", "hash": hash },
            { "path": "d.txt", "contents": "two" },
        ]));
        let all = all.map(|all| (all.places, all.list.len(), all.known.len(), all.bytes));
        let places = vec![(hash, 0, 3), (Sha256Hex::of(b"two"), 3, 3)];
        assert_eq!(all.map_err(|error| error.body("")), Ok((places, 4, 0, 12)));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let other = Sha256Hex::of(b"other");
        for (files, field) in [
            (json!([{ "path": "a" }]), "files[0].hash"),
            (json!([{ "path": "a", "contents": "x", "hash": other }]), "files[0].hash"),
            (json!([{ "path": "a", "contents": "x", "contents_base64": "eA==" }]), "files[0].contents"),
            (json!([{ "path": "a", "contents_base64": "!" }]), "files[0].contents_base64"),
            (json!([{ "path": "a", "contents": "x" }, { "path": "A", "contents": "x" }]), "files[1].path"),
        ] {
            assert!(complaint(files.clone()).contains(&format!("\"{field}\"")), "{files}");
        }
    }

    #[test]
    fn the_page_to_show_is_found_or_asked_for() {
        let entry = |names: &[&str], wanted: Option<&str>| {
            let files: Vec<_> = names.iter().map(|name| json!({ "path": name, "contents": name })).collect();
            let wanted = wanted.and_then(|path| ProjectPath::parse(path).ok());
            let found = read(json!(files)).and_then(|all| all.entry(wanted)).ok();
            found.map(|path| path.as_str().to_owned())
        };
        assert_eq!(entry(&["README.md", "index.html"], None).as_deref(), Some("index.html"));
        assert_eq!(entry(&["README.md", "docs/index.html"], None).as_deref(), Some("README.md"));
        assert_eq!(entry(&["a.css", "docs/start.HTML"], None).as_deref(), Some("docs/start.HTML"));
        assert_eq!(entry(&["a.html", "b.html"], None), None);
        assert_eq!(entry(&["a.html", "b.html"], Some("b.html")).as_deref(), Some("b.html"));
        assert_eq!(entry(&["a.html"], Some("c.html")), None);
    }
}
