//! The objects of a group other than its SeiNodes, of any kind.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::api::{core::v1::Service, policy::v1::PodDisruptionBudget};
use kube::{Resource, ResourceExt, core::ObjectMeta};
use sei_api::{SeiNodeDeployment, labels};
use sei_render::drift::differences;
use serde_json::{Value, json};

use crate::{fields::is_applied_by_group, http_route::HTTPRoute, owner::owner, seat::group_name};

/// Kind of an object of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A Service: internal, or behind a Gateway.
    Service,
    /// A PodDisruptionBudget for the pods of the group.
    PodDisruptionBudget,
    /// An HTTPRoute of the Gateway API, which may not be installed.
    HTTPRoute,
}

impl ObjectKind {
    /// Its name in `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::HTTPRoute => "HTTPRoute",
        }
    }
}

/// An object, observed or desired.
#[derive(Clone, PartialEq)]
pub enum Object {
    /// A Service.
    Service(Arc<Service>),
    /// A PodDisruptionBudget.
    PodDisruptionBudget(Arc<PodDisruptionBudget>),
    /// An HTTPRoute.
    HTTPRoute(Arc<HTTPRoute>),
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind().as_str(), self.body())
    }
}

impl Object {
    /// Its kind.
    pub fn kind(&self) -> ObjectKind {
        match self {
            Self::Service(_) => ObjectKind::Service,
            Self::PodDisruptionBudget(_) => ObjectKind::PodDisruptionBudget,
            Self::HTTPRoute(_) => ObjectKind::HTTPRoute,
        }
    }

    /// Its metadata.
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Service(object) => object.meta(),
            Self::PodDisruptionBudget(object) => object.meta(),
            Self::HTTPRoute(object) => object.meta(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// The whole object as JSON.
    pub fn body(&self) -> Value {
        match self {
            Self::Service(object) => json!(**object),
            Self::PodDisruptionBudget(object) => json!(**object),
            Self::HTTPRoute(object) => json!(**object),
        }
    }

    pub(crate) fn is(&self, kind: ObjectKind, name: &str) -> bool {
        self.kind() == kind && self.name() == name
    }

    pub(crate) fn is_owned_by(&self, group: &SeiNodeDeployment) -> bool {
        let controller = self.controller();
        controller.is_some_and(|uid| Some(uid) == group.metadata.uid.as_deref())
    }

    /// Whether an earlier group of this name retained it, so that it has no owner.
    pub(crate) fn is_retained(&self, group: &SeiNodeDeployment) -> bool {
        let labels = self.metadata().labels.as_ref();
        let of_group = labels.and_then(|labels| labels.get(labels::DEPLOYMENT));
        self.controller().is_none() && of_group.is_some_and(|name| name == group_name(group))
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        self.metadata().deletion_timestamp.is_some()
    }

    /// The labels of the pods that it selects.
    pub(crate) fn selector(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Service(service) => service.spec.as_ref()?.selector.as_ref(),
            Self::PodDisruptionBudget(budget) => {
                budget.spec.as_ref()?.selector.as_ref()?.match_labels.as_ref()
            }
            Self::HTTPRoute(_) => None,
        }
    }

    /// When the operator last changed it.
    pub(crate) fn applied_at(&self) -> Option<Timestamp> {
        let mut entries = self.metadata().managed_fields.iter().flatten();
        Some(entries.find(|entry| is_applied_by_group(entry))?.time.as_ref()?.0)
    }

    fn controller(&self) -> Option<&str> {
        let mut owners = self.metadata().owner_references.iter().flatten();
        owners.find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
    }

    /// Whether applying `self` would change `live`.
    pub(crate) fn differs(&self, live: &Self) -> bool {
        let (desired, found) = (self.compared(), live.compared());
        // An extra label in a selector excludes pods.
        let selector = |object: &Value| object.pointer("/spec/selector").cloned().unwrap_or_default();
        !differences(&desired, &found).is_empty()
            || !differences(&selector(&found), &selector(&desired)).is_empty()
    }

    fn compared(&self) -> Value {
        let metadata = self.metadata();
        json!({
            "labels": metadata.labels, "annotations": metadata.annotations,
            "owners": metadata.owner_references, "spec": self.body()["spec"],
        })
    }
}

impl From<Arc<Service>> for Object {
    fn from(object: Arc<Service>) -> Self {
        Self::Service(object)
    }
}

impl From<Arc<PodDisruptionBudget>> for Object {
    fn from(object: Arc<PodDisruptionBudget>) -> Self {
        Self::PodDisruptionBudget(object)
    }
}

impl From<Arc<HTTPRoute>> for Object {
    fn from(object: Arc<HTTPRoute>) -> Self {
        Self::HTTPRoute(object)
    }
}

/// Name of an object, for messages.
pub(crate) fn described(object: &Object) -> String {
    format!("{} {}", object.kind().as_str(), object.name())
}

/// Metadata of all objects of a group.
pub(crate) fn metadata(group: &SeiNodeDeployment, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: group.namespace(),
        labels: Some([(labels::DEPLOYMENT.to_owned(), group_name(group).to_owned())].into()),
        annotations: Some(
            [(labels::MANAGED_BY_ANNOTATION.to_owned(), labels::MANAGED_BY_DEPLOYMENT.to_owned())].into(),
        ),
        owner_references: Some(vec![owner(group)]),
        ..ObjectMeta::default()
    }
}
