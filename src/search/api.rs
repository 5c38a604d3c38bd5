use super::comments::FoundComment;
use super::projects::FoundProject;
use super::tasks::FoundTask;
use crate::access::{Can, List, View};
use crate::error::Result;
use crate::http::Paged;

pub async fn projects(found: Can<View, List<FoundProject>>) -> Result<Paged<FoundProject>> {
    Ok(found.into_inner().into_inner())
}

pub async fn tasks(found: Can<View, List<FoundTask>>) -> Result<Paged<FoundTask>> {
    Ok(found.into_inner().into_inner())
}

pub async fn comments(found: Can<View, List<FoundComment>>) -> Result<Paged<FoundComment>> {
    Ok(found.into_inner().into_inner())
}
