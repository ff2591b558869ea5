//! The installed CustomResourceDefinitions, compared with those of this version.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion,
};
use kube::ResourceExt;
use serde_json::json;

use crate::{
    facts::Facts,
    finding::{Check, Finding},
};

const FIX: &str = "install the CustomResourceDefinitions of this version, see docs/install.md";

pub(crate) fn findings(facts: &Facts) -> Vec<Finding> {
    match &facts.crds {
        Err(why) => vec![Finding::unknown(
            Check::Crds,
            format!("failed to read the CustomResourceDefinitions: {why}"),
        )],
        Ok(installed) => sei_api::crds().iter().map(|wanted| compare(wanted, installed)).collect(),
    }
}

fn compare(wanted: &CustomResourceDefinition, installed: &[CustomResourceDefinition]) -> Finding {
    let name = wanted.name_any();
    let Some(found) = installed.iter().find(|found| found.name_any() == name) else {
        return Finding::error(Check::Crds, format!("{name} is not installed"), FIX);
    };
    let (wanted, found) = (served(wanted), served(found));
    match (wanted, found) {
        (_, None) => Finding::error(Check::Crds, format!("{name} does not serve v1alpha1"), FIX),
        (Some(wanted), Some(found)) if json!(wanted.schema) != json!(found.schema) => Finding::warning(
            Check::Crds,
            format!("{name} has the schema of another version: fields and rules may be missing"),
            FIX,
        ),
        _ => Finding::ok(Check::Crds, format!("{name} matches this version")),
    }
}

fn served(crd: &CustomResourceDefinition) -> Option<&CustomResourceDefinitionVersion> {
    crd.spec.versions.iter().find(|version| version.name == "v1alpha1" && version.served)
}
