//! Links to stored files: signed, for one user, for a few minutes.

use base64ct::{Base64UrlUnpadded, Encoding};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::Actor;
use crate::app::App;
use crate::auth::token::Keys;
use crate::db::{Id, MINUTE, Stmt, Time};
use crate::error::{Code, Error, Result};
use crate::host::Foreign;
use crate::http::{File, Wanted};
use crate::routes::BASE;
use crate::sql;

const GOOD_FOR: i64 = 5 * MINUTE;
const PURPOSE: &str = "file link";

/// Makes links for a caller.
pub struct Links<'a> {
    keys: &'a Keys,
    site: &'a str,
    user: i64,
    expires: i64,
}

impl<'a> Links<'a> {
    pub fn of(app: &'a App, actor: &Actor) -> Self {
        let expires = app.now().plus(GOOD_FOR).millis() / 1000;
        Links { keys: &app.config().keys, site: app.site(), user: actor.user.id, expires }
    }

    pub fn to(&self, attachment: &Id) -> String {
        let Links { keys, site, user, expires } = self;
        let signature = keys.digest(PURPOSE, &[&attachment.bytes(), &user.to_be_bytes(), &expires.to_be_bytes()]);
        let signature = Base64UrlUnpadded::encode_string(&signature);
        format!("{site}{BASE}/files/{attachment}?user={user}&expires={expires}&signature={signature}")
    }

    pub fn expire_at(&self) -> Time {
        Time::from_millis(self.expires * 1000)
    }
}

/// What a link says beside the attachment. It is taken as a whole from the attachment's `url`.
#[derive(Deserialize, JsonSchema)]
pub struct Signed {
    #[schemars(example = 42)]
    user: i64,
    /// Seconds since 1970.
    #[schemars(example = 1_772_357_700)]
    expires: i64,
    #[schemars(example = &"Zx3vQ0mT8Kp1cW6uYbN4dR7hJ2fL5sA9gE0iXoMtqVk")]
    signature: String,
}

/// A link we made that is still good.
pub struct Link {
    attachment: Id,
    user: i64,
}

/// What there is to know of a stored file before its bytes are touched.
#[derive(Deserialize)]
struct Found {
    r2_key: String,
    filename: String,
    content_type: String,
    size_bytes: u64,
    etag: String,
}

impl Link {
    pub fn read(attachment: Id, signed: &Signed, keys: &Keys, now: Time) -> Result<Self> {
        let signature = Base64UrlUnpadded::decode_vec(&signed.signature).unwrap_or_default();
        let parts: [&[u8]; 3] = [&attachment.bytes(), &signed.user.to_be_bytes(), &signed.expires.to_be_bytes()];
        if !keys.digest_is(PURPOSE, &parts, &signature) {
            return Err(Code::LinkInvalid.into());
        }
        if signed.expires <= now.millis() / 1000 {
            return Err(Code::LinkExpired.into());
        }
        Ok(Link { attachment, user: signed.user })
    }

    /// Nobody keeps a file by keeping a link: whoever left the team sees no more of it.
    fn find(&self) -> Stmt {
        sql!(
            "SELECT a.r2_key, a.filename, a.content_type, a.size_bytes, a.etag
             FROM task_attachments a
             JOIN team_members m ON m.project_id = a.project_id AND m.user_id = ?2
             JOIN users u ON u.id = m.user_id AND u.status = 'active'
             WHERE a.id = ?1 AND a.r2_key IS NOT NULL",
            self.attachment,
            self.user,
        )
    }

    pub async fn open(&self, app: &App, wanted: &Wanted) -> Result<File> {
        let found: Option<Found> = app.read(vec![self.find()]).await?.first()?;
        let Found { r2_key, filename, content_type, size_bytes, etag } = found.ok_or(Code::AttachmentNotFound)?;
        let portion = wanted.portion(&etag, size_bytes);
        let body = match wanted.span(&portion) {
            Some((offset, length)) => app.host().open_file(&r2_key, offset, length).await?,
            None => Some(Foreign::unsent()),
        };
        let body = body.ok_or_else(|| Error::new(Code::AttachmentNotFound).because(format!("{r2_key} is lost")))?;
        Ok(File { name: filename, content_type, etag, portion, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_772_357_400_000);

    fn keys(session: &str) -> Keys {
        Keys::new("kV3pQ9zX7rT1mB5nL8wY2cF6hJ4dS0gA", None, session)
    }

    #[test]
    fn a_link_is_good_as_it_was_made_or_not_at_all() {
        let id = Id::new(NOW, [7; 10]);
        let ours = keys("G5tR8nK2vX6qZ1wM4bJ7yC3fP9hL0sDa");
        let links = Links { keys: &ours, site: "https://x.example", user: 42, expires: 1_772_357_700 };
        let url = links.to(&id);
        let (path, query) = url.split_once('?').unwrap_or_default();
        assert_eq!(path, format!("https://x.example/api/v1/files/{id}"));
        let signed = || {
            crate::http::query::<Signed>(Some(query)).unwrap_or(Signed {
                user: 0,
                expires: 0,
                signature: String::new(),
            })
        };
        let code = |id: &Id, signed: Signed, keys: &Keys, now| {
            Link::read(id.clone(), &signed, keys, now).err().map(|error| error.code)
        };
        assert_eq!(code(&id, signed(), &ours, NOW.plus(299_999)), None);
        assert_eq!(code(&id, signed(), &ours, NOW.plus(300_000)), Some(Code::LinkExpired));
        let invalid = Some(Code::LinkInvalid);
        assert_eq!(code(&id, Signed { user: 43, ..signed() }, &ours, NOW), invalid);
        assert_eq!(code(&id, Signed { expires: 1_772_357_701, ..signed() }, &ours, NOW), invalid);
        assert_eq!(code(&id, Signed { signature: String::new(), ..signed() }, &ours, NOW), invalid);
        assert_eq!(code(&Id::new(NOW, [8; 10]), signed(), &ours, NOW), invalid);
        assert_eq!(code(&id, signed(), &keys("another secret"), NOW), invalid);
    }
}
