//! Taking files in: from the form into the store, a chunk at a time.

use sha2::{Digest, Sha256};

use super::download::Links;
use super::name::FileName;
use super::sniff;
use super::{Attachment, Content, New, NewAttachment, Stored, key};
use crate::access::{Can, Contribute};
use crate::app::App;
use crate::error::{Error, Result};
use crate::host::Storing;
use crate::http::{Created, Form, Piece};
use crate::limits::Quota;
use crate::tasks::Task;

/// Bytes a form may have besides the file.
const WRAPPING: u64 = 64 * 1024;

type Target = Can<Contribute, Task>;

pub async fn link(app: &App, task: &Target, new: NewAttachment) -> Result<Created<Attachment>> {
    let content = Content::Elsewhere(new.external_url);
    commit(app, task, New { id: app.id()?, name: new.filename, content }).await
}

pub async fn file(app: &App, task: &Target, form: Form) -> Result<Created<Attachment>> {
    refuse_full(app, task)?;
    let room = Room::of(app, task);
    // So long a form has too large a file: it stays unread.
    room.check(least(&form))?;
    let id = app.id()?;
    let key = key(task.project_id.as_str(), task.id.as_str(), id.as_str());
    let storing = app.host().store_file(&key);
    let file = match take(app, &room, form, &storing).await {
        Ok(file) => file,
        Err(error) => {
            storing.abort().await;
            return Err(error);
        }
    };
    let content_type = sniff::content_type(&file.start, file.size == file.start.len() as u64);
    let stored = Stored { key: key.clone(), content_type, size: file.size, etag: storing.finish().await? };
    let created = commit(app, task, New { id, name: file.name, content: Content::Here(stored) }).await;
    // After a failure of ours it may be written all the same: the orphans' round will know.
    if created.as_ref().is_err_and(|error| error.code.is_refusal())
        && let Err(error) = app.host().delete_files(&[&key]).await
    {
        crate::host::log("files", error.cause().unwrap_or_default());
    }
    created
}

async fn commit(app: &App, task: &Target, new: New) -> Result<Created<Attachment>> {
    let count = count(app, task);
    app.commit(new.attach(task, &task.actor, count, &Links::of(app, &task.actor), &app.by(&task.actor))).await
}

fn count(app: &App, task: &Target) -> Quota {
    app.quota(&task.actor, "attachments per task", |allowed| allowed.attachments_per_task)
}

/// Spares an upload what its commit would refuse, unless the answer may be an earlier one.
fn refuse_full(app: &App, task: &Target) -> Result<()> {
    let (quota, used) = (count(app, task), task.attachment_count);
    if app.has_key() || quota.limit().is_none_or(|limit| used < limit) {
        return Ok(());
    }
    Err(quota.exceeded(u64::try_from(used).unwrap_or_default()))
}

/// How many bytes may come.
struct Room {
    quota: Quota,
    limit: u64,
}

impl Room {
    fn of(app: &App, task: &Target) -> Self {
        let quota = app.quota(&task.actor, "bytes per attachment", |allowed| allowed.attachment_bytes);
        let limit = quota.limit().and_then(|limit| u64::try_from(limit).ok()).unwrap_or(u64::MAX);
        Room { quota, limit }
    }

    fn check(&self, size: u64) -> Result<()> {
        if size > self.limit { Err(self.quota.exceeded(size)) } else { Ok(()) }
    }
}

/// The size that a file has at least in a form of this length.
fn least(form: &Form) -> u64 {
    form.length().unwrap_or_default().saturating_sub(WRAPPING)
}

/// A file on its way in.
struct Arriving {
    name: FileName,
    start: Vec<u8>,
    size: u64,
    hash: Option<Sha256>,
}

impl Arriving {
    fn add(&mut self, bytes: &[u8]) {
        let missing = sniff::ENOUGH.saturating_sub(self.start.len());
        self.start.extend(bytes.iter().take(missing));
        self.size += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
    }
}

/// Reads the form to its end and stores the one file in it.
async fn take(app: &App, room: &Room, form: Form, storing: &Storing) -> Result<Arriving> {
    let wrong = |message: &str| Error::invalid("file", message);
    let mut form = form.limited(room.limit.saturating_add(WRAPPING));
    let mut file: Option<Arriving> = None;
    let mut in_file = false;
    while let Some(piece) = form.next().await? {
        match piece {
            Piece::Field(field) => {
                in_file = field.name == "file";
                if in_file && file.is_some() {
                    return Err(wrong("must be one file"));
                }
                if in_file {
                    let said = field.filename.ok_or_else(|| wrong("must be a file with a name"))?;
                    let hash = app.has_key().then(Sha256::new);
                    let name = FileName::of(&said).unwrap_or_default();
                    file = Some(Arriving { name, start: Vec::new(), size: 0, hash });
                }
            }
            Piece::Content(bytes) => {
                if let Some(file) = file.as_mut().filter(|_| in_file) {
                    file.add(&bytes);
                    room.check(file.size)?;
                    storing.write(bytes).await?;
                }
            }
        }
    }
    let mut file = file.ok_or_else(|| wrong("is required"))?;
    if file.size == 0 {
        return Err(wrong("must not be empty"));
    }
    // The form differs from one try to the next by its boundary, the file does not.
    if let Some(hash) = file.hash.take() {
        app.fingerprint(format!("{}\0{:x}", file.name, hash.finalize()).as_bytes())?;
    }
    Ok(file)
}
