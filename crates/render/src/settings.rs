//! Reads settings, and collects everything that is wrong with them.

use std::{cmp::Ordering, collections::BTreeMap, fmt};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use sei_node::{canonical_quantity, compare_quantities};

/// All invalid settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(pub(crate) Vec<String>);

impl SettingsError {
    /// One line for each invalid setting, sorted by name.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "platform settings cannot be used: {}", self.0.join("; "))
    }
}

impl std::error::Error for SettingsError {}

/// Reads settings and collects errors.
pub(crate) struct Reader<'a> {
    pub(crate) settings: &'a BTreeMap<String, String>,
    pub(crate) wrong: Vec<String>,
}

impl Reader<'_> {
    pub(crate) fn optional(&self, name: &str) -> Option<String> {
        let value = self.settings.get(name)?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A comma-separated list of `what`, each of the form that `is_valid` accepts. It limits something, so a list that is
    /// set and has no entries is reported: it would be read as no limit.
    pub(crate) fn list(&mut self, name: &str, what: &str, is_valid: fn(&str) -> bool) -> Vec<String> {
        let Some(text) = self.optional(name) else { return Vec::new() };
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let (entries, invalid): (Vec<_>, Vec<_>) = entries.partition(|entry| is_valid(entry));
        if entries.is_empty() || !invalid.is_empty() {
            self.wrong.push(format!("{name} is {text:?}: write {what}, separated by commas"));
        }
        entries.into_iter().map(str::to_owned).collect()
    }

    pub(crate) fn text(&mut self, name: &str, meaning: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.wrong.push(format!("{name} is not set: {meaning}"));
            String::new()
        })
    }

    pub(crate) fn quantity(&mut self, name: &str, meaning: &str) -> Quantity {
        match self.text(name, meaning).as_str() {
            "" => Quantity::default(),
            _ => self.optional_quantity(name).unwrap_or_default(),
        }
    }

    pub(crate) fn optional_quantity(&mut self, name: &str) -> Option<Quantity> {
        let text = self.optional(name)?;
        let zero = Quantity("0".to_owned());
        let is_positive = |it: &Quantity| compare_quantities(it, &zero) == Some(Ordering::Greater);
        let quantity = canonical_quantity(&Quantity(text.clone())).filter(is_positive);
        if quantity.is_none() {
            self.wrong.push(format!(
                "{name} is {text:?}: write a Kubernetes quantity above 0 such as 500m, 32Gi or 2Ti"
            ));
        }
        quantity
    }
}
