//! Requests and limits of the sidecar.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity};

use crate::{Part, SpecError, canonical_quantity, compare_quantities, fault::Faults};

/// Parses the quantities into the canonical form that the API server stores.
pub(crate) fn read(resources: &ResourceRequirements, faults: &mut Faults) -> ResourceRequirements {
    check(resources, faults);
    let mut canonical = resources.clone();
    let lists = [&mut canonical.requests, &mut canonical.limits];
    for quantity in lists.into_iter().flatten().flat_map(BTreeMap::values_mut) {
        if let Some(canonical) = canonical_quantity(quantity) {
            *quantity = canonical;
        }
    }
    canonical
}

fn check(resources: &ResourceRequirements, faults: &mut Faults) {
    let mut refuse = |kind: &str, name: &str, quantity: &Quantity, wanted: &'static str| {
        let field = format!("spec.sidecar.resources.{kind}.{name}");
        faults.push(Part::Pod, SpecError::bad_value(field, &quantity.0, wanted));
    };
    for (kind, quantities) in [("requests", &resources.requests), ("limits", &resources.limits)] {
        for (name, quantity) in quantities.iter().flatten() {
            if canonical_quantity(quantity).is_none_or(|canonical| canonical.0.starts_with('-')) {
                refuse(kind, name, quantity, "a quantity of 0 or more, such as 500m or 1Gi");
            }
        }
    }
    for (name, request) in resources.requests.iter().flatten() {
        let limit = resources.limits.as_ref().and_then(|limits| limits.get(name));
        let order = limit.and_then(|limit| compare_quantities(request, limit));
        if order.is_some_and(|order| order.is_gt()) {
            refuse("requests", name, request, "no more than the limit of the same resource");
        }
    }
}
