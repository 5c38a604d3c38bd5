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

pub use answer::{Answer, Bare, Created, IfMatch, NoContent, One, SetCookie, Socket, Tagged, Versioned};
pub use body::{Body, Body400, FormOr, Signed, is_json, query};
pub use file::{File, Wanted};
pub use form::{Form, Piece, is_form};
pub use page::{Page, Paged};

impl FromRequestParts<()> for App {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &()) -> Result<Self> {
        App::of(&parts.extensions)
    }
}
