//! How the service stands, at a glance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::switches::{self, Switch};
use crate::db::{Answers, Stmt};
use crate::error::Result;

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Overview {
    pub switches: Vec<Switch>,
}

pub fn reads() -> Vec<Stmt> {
    vec![switches::all()]
}

impl Overview {
    pub fn load(answers: &mut Answers) -> Result<Self> {
        Ok(Overview { switches: answers.rows()? })
    }
}
