use http::Method;

use super::Export;
use crate::access::{Can, Operate};
use crate::app::App;
use crate::error::Result;
use crate::host::Foreign;
use crate::http::{Download, NoContent};

pub async fn download(app: App, export: Can<Operate, Export>, method: Method) -> Result<Download> {
    let (name, content_type) = (export.file_name(app.now()), export.format.content_type());
    if method == Method::HEAD {
        return Ok(Download { name, content_type, body: Foreign::unsent() });
    }
    let _: NoContent = app.commit(export.told(&app.by(&export.actor))).await?;
    let (pouring, body) = app.host().pour();
    app.host().later(export.into_inner().pour(app.behind("export"), pouring));
    Ok(Download { name, content_type, body })
}
