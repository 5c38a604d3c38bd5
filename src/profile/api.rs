use crate::access::{Can, Edit, View};
use crate::app::App;
use crate::error::Result;
use crate::http::{Answer, Body, One};
use crate::profile::{EditProfile, Profile};

pub async fn get(profile: Can<View, Profile>) -> Result<One<Profile>> {
    One::of(&profile)
}

pub async fn edit(app: App, profile: Can<Edit, Profile>, body: Body<EditProfile>) -> Result<One<Profile>> {
    app.commit(profile.edit(body.0, &app.by(&profile.actor))?).await
}
