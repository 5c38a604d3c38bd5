//! Everything of a kind there is, page by page of the database, while it is read.

pub mod api;
mod format;
mod tables;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::{Ask, Operate, Permits, Role, Thing};
use crate::app::{App, By, Change};
use crate::db::{Answers, Moment, Stmt, Time};
use crate::error::{Code, Result};
use crate::event::{Event, Kind};
use crate::host::{Pouring, log};
use crate::http;
use crate::openapi::Operation;

pub use format::Format;
pub use tables::What;

/// What of it is wanted, and how.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Wanted {
    #[serde(default)]
    format: Format,
    /// From then on.
    from: Option<Moment>,
    /// Before then.
    to: Option<Moment>,
}

/// An export an operator may have.
pub struct Export {
    pub format: Format,
    what: What,
    from: Option<Moment>,
    to: Option<Moment>,
}

impl Thing for Export {
    const NOT_FOUND: Code = Code::ExportNotFound;

    fn find(_: &Ask) -> Result<Vec<Stmt>> {
        Ok(Vec::new())
    }

    fn load(_: &mut Answers, ask: &Ask) -> Result<Option<Self>> {
        let Some(what) = What::from_name(ask.path.text("type")) else { return Ok(None) };
        let Wanted { format, from, to } = http::query(ask.query)?;
        Ok(Some(Export { format, what, from, to }))
    }

    fn role(&self) -> Role {
        Role::Operator
    }

    fn reads(operation: &mut Operation) {
        operation.asked::<Wanted>();
    }
}

impl Permits<Operate> for Export {
    const NEEDS: Role = Role::Operator;
}

impl Export {
    pub fn file_name(&self, now: Time) -> String {
        let at = now.text().chars().filter(char::is_ascii_alphanumeric).take(15).collect::<String>();
        format!("hivesync-{}-{at}.{}", self.what.name(), self.format.ending())
    }

    pub fn told(&self, by: &By) -> Change<()> {
        let Export { format, from, to, what } = self;
        let asked = json!({ "format": format, "from": from, "to": to });
        Change::to(()).announce(Event::new(Kind::AdminExported, by, what.name()).with(asked))
    }

    /// Writes all of it. Where that fails, the reader sees it break off.
    pub async fn pour(self, app: App, pouring: Pouring) {
        let outcome = match self.write(&app, &pouring).await {
            Ok(()) => pouring.close().await,
            Err(error) => pouring.abort().await.and(Err(error)),
        };
        if let Err(error) = outcome {
            log("export", error.cause().unwrap_or(error.message()));
        }
    }

    async fn write(&self, app: &App, pouring: &Pouring) -> Result<()> {
        let mut pages = self.what.pages(app, self.from, self.to).await?;
        let columns = self.what.columns();
        let mut text = self.format.head(columns);
        let mut count = 0;
        while let Some(rows) = pages.next(app, self.format).await? {
            for row in rows {
                self.format.row(&mut text, columns, &row, count == 0);
                count += 1;
            }
            pouring.write(std::mem::take(&mut text)).await?;
        }
        text.push_str(self.format.tail());
        pouring.write(text).await
    }
}
