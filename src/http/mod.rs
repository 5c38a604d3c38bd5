//! What comes in and what goes out: typed bodies, queries, pages and answers.

mod answer;
mod body;
mod file;
mod form;
mod page;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::app::App;
use crate::error::{Error, Result};

pub use answer::{
    Answer, Bare, Created, IfMatch, Maybe, NoContent, One, Plain, Put, SetCookie, Socket, Tagged, Versioned,
};
pub use body::{BODY_LIMIT, Body, Body400, FormOr, Raw, Signed, is_json, parse, query};
pub use file::{Download, File, Wanted};
pub use form::{Form, Piece, is_form};
pub use page::{Page, Paged};

impl FromRequestParts<()> for App {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &()) -> Result<Self> {
        App::of(&parts.extensions)
    }
}
