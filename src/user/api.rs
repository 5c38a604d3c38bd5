use crate::access::{Can, View};
use crate::error::Result;
use crate::http::{Answer, Bare};
use crate::user::Me;

pub async fn me(me: Can<View, Me>) -> Result<Bare<Me>> {
    Bare::of(&me)
}
