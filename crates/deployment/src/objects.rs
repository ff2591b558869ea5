//! The desired objects of a group other than its SeiNodes, and the next writes for them.

use std::sync::Arc;

use kube::ResourceExt;
use sei_api::{SeiNodeDeployment, deployment_conditions::StalledReason};

use crate::{
    budget,
    http_route::Routes,
    object::{Object, ObjectKind, described},
    observed::Observed,
    obstacle::Obstacle,
    route,
    seat::Color,
    service,
    write::Write,
};

/// The desired objects of a group whose traffic goes to the set `traffic`, without HTTPRoutes if they cannot be written.
pub fn objects(group: &SeiNodeDeployment, traffic: Color, routes: &Routes) -> Vec<Object> {
    let mut objects = vec![
        Arc::new(service::internal_service(group, traffic)).into(),
        Arc::new(budget::budget(group, traffic)).into(),
    ];
    if group.spec.networking.is_some() {
        objects.push(Arc::new(service::external_service(group, traffic)).into());
        if let Routes::At(gateway) = routes {
            objects
                .extend(route::routes(group, gateway).into_iter().map(|(_, route)| Arc::new(route).into()));
        }
    }
    objects
}

/// The next writes, and what prevents other writes.
pub(crate) fn update(observed: &Observed, traffic: Color) -> (Vec<Write>, Vec<Obstacle>) {
    let group = &*observed.group;
    let (mut writes, mut obstacles) = (Vec::new(), Vec::new());
    let mut wanted = objects(group, traffic, &observed.routes);
    if !observed.knows_budgets || budget::is_covered(group, &observed.objects) {
        wanted.retain(|object| object.kind() != ObjectKind::PodDisruptionBudget);
    }
    for object in &wanted {
        match existing(group, object, observed.object(object.kind(), object.name())) {
            Existing::UpToDate => {}
            Existing::Outdated => writes.push(Write::ApplyObject(object.clone())),
            Existing::Foreign(obstacle) => obstacles.push(obstacle),
        }
    }
    let is_wanted = |live: &Object| wanted.iter().any(|object| object.is(live.kind(), live.name()));
    let surplus = observed.objects.iter().filter(|live| live.is_owned_by(group) && !is_wanted(live));
    let surplus = surplus.filter(|live| !live.is_being_deleted() && can_be_judged(live, observed));
    writes.extend(surplus.map(|live| Write::DeleteObject {
        kind: live.kind(),
        name: live.name().to_owned(),
        uid: live.metadata().uid.clone().unwrap_or_default(),
    }));
    (writes, obstacles)
}

/// Whether the object is known to be no longer desired. Without a Gateway this is unknown for routes, unless none is
/// desired.
fn can_be_judged(live: &Object, observed: &Observed) -> bool {
    match live.kind() {
        ObjectKind::Service => true,
        ObjectKind::PodDisruptionBudget => observed.knows_budgets,
        ObjectKind::HTTPRoute => {
            observed.group.spec.networking.is_none() || matches!(observed.routes, Routes::At(_))
        }
    }
}

/// What exists under the name of an object.
enum Existing {
    /// The object matches the desired one, or cannot be changed.
    UpToDate,
    /// It does not exist, or must be changed.
    Outdated,
    /// An object of another owner.
    Foreign(Obstacle),
}

fn existing(group: &SeiNodeDeployment, desired: &Object, live: Option<&Object>) -> Existing {
    match live {
        // The name becomes available once the deletion completes.
        Some(live) if live.is_being_deleted() => Existing::UpToDate,
        Some(live) if !live.is_owned_by(group) && !live.is_retained(group) => {
            // A budget of this name that selects other pods is harmless; this group then has none.
            if desired.kind() == ObjectKind::PodDisruptionBudget {
                return Existing::UpToDate;
            }
            let message = format!(
                "{} exists and is not owned by this SeiNodeDeployment; delete or rename one of them",
                described(live)
            );
            Existing::Foreign(Obstacle::new(StalledReason::ForeignObject, message))
        }
        Some(live) if !desired.differs(live) => Existing::UpToDate,
        _ => Existing::Outdated,
    }
}

impl Observed {
    /// The object of this kind and name, of any owner.
    pub fn object(&self, kind: ObjectKind, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.is(kind, name))
    }

    /// The internal Service, if the group owns it.
    pub(crate) fn own_internal_service(&self) -> Option<&Object> {
        let service = self.object(ObjectKind::Service, &service::internal_service_name(&self.group));
        service.filter(|service| service.is_owned_by(&self.group))
    }

    /// Names of the desired HTTPRoutes, with their protocols.
    pub(crate) fn wanted_routes(&self) -> Vec<(&'static str, String)> {
        let Routes::At(gateway) = &self.routes else { return Vec::new() };
        if self.group.spec.networking.is_none() {
            return Vec::new();
        }
        let routes = route::routes(&self.group, gateway);
        routes.into_iter().map(|(protocol, route)| (protocol, route.name_any())).collect()
    }
}
