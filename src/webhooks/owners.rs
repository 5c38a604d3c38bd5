//! Lists that are for a project's owner alone.

use serde::Deserialize;

use crate::access::{Ask, List, Listed, Permits, Role, Thing, View};
use crate::db::{Answers, Stmt};
use crate::error::{Code, Result};
use crate::http::Paged;

/// What only the owner of a project may list; others of its team are told that they may not.
pub trait OfOwner: Listed {
    /// The caller's role, where they may know of the project at all.
    fn role(ask: &Ask) -> Result<Stmt>;
}

pub struct Owners<T> {
    role: Role,
    list: Paged<T>,
}

impl<T> Owners<T> {
    pub fn into_list(self) -> Paged<T> {
        self.list
    }
}

impl<T: OfOwner> Thing for Owners<T> {
    const NOT_FOUND: Code = T::NO_HOLDER;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(std::iter::once(T::role(ask)?).chain(List::<T>::find(ask)?).collect())
    }

    fn load(answers: &mut Answers, ask: &Ask) -> Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Held {
            role: Role,
        }
        let held: Option<Held> = answers.first()?;
        let list = List::<T>::load(answers, ask)?.map(List::into_inner);
        Ok(held.zip(list).map(|(Held { role }, list)| Owners { role, list }))
    }

    fn role(&self) -> Role {
        self.role
    }

    fn reads(operation: &mut crate::openapi::Operation) {
        List::<T>::reads(operation);
    }
}

impl<T: OfOwner> Permits<View> for Owners<T> {
    const NEEDS: Role = Role::Owner;
}
