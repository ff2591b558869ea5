//! The names of the SeiNodes of a group. There are two sets of names, so that a BlueGreen update can create SeiNodes
//! alongside the serving ones. The pods of the two sets differ in label `sei.io/nodedeployment`, which the Services
//! select.

use std::collections::BTreeMap;

use sei_api::{SeiNodeDeployment, labels};

/// One of the two sets of SeiNodes of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Color {
    /// `NAME-0`, `NAME-1` and so on: the first set of every group.
    #[default]
    Blue,
    /// `NAME-green-0`, `NAME-green-1` and so on.
    Green,
}

impl Color {
    /// The other set.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }

    /// The label that only the pods of this set have. A SeiNodeDeployment that has pods has no dot in its name.
    pub(crate) fn selector(self, group: &SeiNodeDeployment) -> BTreeMap<String, String> {
        let name = group_name(group);
        let value = match self {
            Self::Blue => name.to_owned(),
            Self::Green => format!("{name}.green"),
        };
        BTreeMap::from([(labels::DEPLOYMENT.to_owned(), value)])
    }
}

/// The seat of a SeiNode in its group: a set and an ordinal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Name of the SeiNode.
    pub name: String,
    /// The set that it belongs to.
    pub color: Color,
    /// Its ordinal in the set.
    pub ordinal: u32,
}

impl Seat {
    /// The seat of `ordinal` in a set.
    pub fn new(group: &SeiNodeDeployment, color: Color, ordinal: u32) -> Self {
        let group = group_name(group);
        let name = match color {
            Color::Blue => format!("{group}-{ordinal}"),
            Color::Green => format!("{group}-green-{ordinal}"),
        };
        Self { name, color, ordinal }
    }

    /// The seat with this name, if the name follows the scheme of `group`.
    pub(crate) fn named(group: &SeiNodeDeployment, name: &str) -> Option<Self> {
        let rest = name.strip_prefix(group_name(group))?.strip_prefix('-')?;
        let (color, ordinal) = match rest.strip_prefix("green-") {
            Some(ordinal) => (Color::Green, ordinal),
            None => (Color::Blue, rest),
        };
        let seat = Self::new(group, color, ordinal.parse().ok()?);
        (seat.name == name).then_some(seat)
    }

    /// Whether its name follows the scheme of `group`, which is not the case for the Go controller's second set.
    pub(crate) fn is_named_by(&self, group: &SeiNodeDeployment) -> bool {
        Self::named(group, &self.name).is_some()
    }

    /// Whether it is the seat of `ordinal` in this set, regardless of its name.
    pub(crate) fn is_of(&self, color: Color, ordinal: u32) -> bool {
        (self.color, self.ordinal) == (color, ordinal)
    }
}

/// Name of the SeiNode of `ordinal` in the blue set.
pub fn child_name(group: &SeiNodeDeployment, ordinal: u32) -> String {
    Seat::new(group, Color::Blue, ordinal).name
}

/// Names of the groups that may need an object of this name.
pub fn groups_that_need(name: &str) -> impl Iterator<Item = &str> {
    let blue = name.rsplit_once('-').map(|(group, _)| group);
    let green = blue.and_then(|group| group.strip_suffix("-green"));
    [blue, green].into_iter().flatten()
}

pub(crate) fn group_name(group: &SeiNodeDeployment) -> &str {
    group.metadata.name.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_seat_in_a_group() {
        let mut group = SeiNodeDeployment::default();
        group.metadata.name = Some("rpc".to_owned());
        for color in [Color::Blue, Color::Green] {
            let seat = Seat::new(&group, color, 12);
            assert_eq!(Seat::named(&group, &seat.name), Some(seat));
        }
        for other in ["rpc", "rpc-", "rpc-01", "rpc-+1", "rpc-green", "rpc-green-", "rpc-g2-0", "rpc2-0"] {
            assert_eq!(Seat::named(&group, other), None, "{other}");
        }
    }

    #[test]
    fn a_name_may_be_needed_by_the_groups_of_both_schemes() {
        assert_eq!(groups_that_need("rpc-0").collect::<Vec<_>>(), ["rpc"]);
        assert_eq!(groups_that_need("rpc-green-0").collect::<Vec<_>>(), ["rpc-green", "rpc"]);
        assert_eq!(groups_that_need("rpc").count(), 0);
    }
}
