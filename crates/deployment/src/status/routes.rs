//! Status of the HTTPRoutes of a group, as reported by Gateways.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use sei_api::{
    deployment_conditions::{Reason, RouteReadyReason},
    v1alpha1::{
        Mode,
        deployment::{NetworkingStatus, RouteHost},
    },
};

use crate::{
    http_route::{HTTPRoute, Routes},
    object::{Object, ObjectKind},
    observed::Observed,
};

/// The host names of the routes that exist.
pub(super) fn hosts(observed: &Observed) -> Option<NetworkingStatus> {
    observed.group.spec.networking.as_ref()?;
    let own = observed
        .wanted_routes()
        .into_iter()
        .filter_map(|(protocol, name)| Some((protocol, own(observed, &name)?)));
    let host = |protocol: &str, hostname: &String| RouteHost {
        hostname: hostname.clone(),
        protocol: protocol.to_owned(),
    };
    let hosts =
        own.flat_map(|(protocol, route)| route.spec.hostnames.iter().map(move |name| host(protocol, name)));
    Some(NetworkingStatus { routes: hosts.collect() })
}

/// Condition `RouteReady`; `None` if the group has no routes.
pub(super) fn condition(observed: &Observed) -> Option<(bool, Reason, String)> {
    observed.group.spec.networking.as_ref()?;
    if observed.group.spec.template.spec.mode() == Some(Mode::Validator) {
        return None;
    }
    let wanted = observed.wanted_routes();
    let is = |truth: bool, reason: RouteReadyReason, message: String| Some((truth, reason.into(), message));
    match &observed.routes {
        Routes::NoGateway => is(
            false,
            RouteReadyReason::NoGateway,
            "no Gateway is configured; set platform.gateway of the chart (SEI_GATEWAY_NAME)".to_owned(),
        ),
        Routes::NotInstalled => is(
            false,
            RouteReadyReason::CRDNotInstalled,
            "the CRD of HTTPRoutes (gateway.networking.k8s.io/v1) is not installed; they are created once it is".to_owned(),
        ),
        Routes::Denied => is(
            false,
            RouteReadyReason::AccessDenied,
            "the operator lacks permission to list HTTPRoutes; grant it the rules of its role in the chart".to_owned(),
        ),
        Routes::At(gateway) => {
            let mut missing = wanted.iter().filter(|(_, name)| own(observed, name).is_none());
            if let Some((_, name)) = missing.next() {
                let message = format!("HTTPRoute {name} does not exist yet, or is not owned by this SeiNodeDeployment");
                return is(false, RouteReadyReason::RoutesMissing, message);
            }
            let refused = wanted.iter().find_map(|(_, name)| Some((name, refusal(own(observed, name)?)?)));
            if let Some((name, why)) = refused {
                return is(false, RouteReadyReason::RouteRefused, format!("HTTPRoute {name}: {why}"));
            }
            let rival = wanted.iter().find_map(|(_, name)| rival(observed, own(observed, name)?));
            if let Some((host, rival)) = rival {
                let at = format!("{}/{}", rival.namespace().unwrap_or_default(), rival.name_any());
                let message = format!(
                    "host name {host} belongs to HTTPRoute {at}, which is older, so its requests go there; remove \
                     spec.networking from one of the two groups, or create one of them under another name"
                );
                return is(false, RouteReadyReason::HostNameInUse, message);
            }
            let waiting = wanted.iter().find(|(_, name)| own(observed, name).is_some_and(|route| !is_accepted(route)));
            if let Some((_, name)) = waiting {
                let at = format!("Gateway {}/{}", gateway.namespace, gateway.name);
                let message = format!("waiting for {at} to accept HTTPRoute {name}");
                return is(false, RouteReadyReason::WaitingForGateway, message);
            }
            is(true, RouteReadyReason::RoutesAccepted, format!("{} HTTPRoutes are accepted", wanted.len()))
        }
    }
}

fn own<'a>(observed: &'a Observed, name: &str) -> Option<&'a HTTPRoute> {
    let object = observed.object(ObjectKind::HTTPRoute, name)?;
    match object {
        Object::HTTPRoute(route) if object.is_owned_by(&observed.group) => Some(route),
        _ => None,
    }
}

/// The route to which a Gateway gives a host name of `route` instead, with that name: the older one.
fn rival<'a>(observed: &'a Observed, route: &'a HTTPRoute) -> Option<(&'a str, &'a HTTPRoute)> {
    let rank = |route: &HTTPRoute| {
        let created = route.metadata.creation_timestamp.as_ref().map(|time| time.0);
        (created, route.namespace(), route.name_any())
    };
    observed.rivals.iter().filter(|rival| rank(rival) < rank(route)).find_map(|rival| {
        let host = route.spec.hostnames.iter().find(|host| rival.spec.hostnames.contains(host))?;
        Some((host.as_str(), &**rival))
    })
}

/// The conditions of the current generation of the route.
fn conditions(route: &HTTPRoute) -> impl Iterator<Item = &Condition> {
    let parents = route.status.iter().flat_map(|status| &status.parents);
    let all = parents.flat_map(|parent| &parent.conditions);
    all.filter(|condition| condition.observed_generation >= route.metadata.generation)
}

fn refusal(route: &HTTPRoute) -> Option<String> {
    let about = ["Accepted", "ResolvedRefs"];
    let refused = conditions(route)
        .find(|condition| condition.status == "False" && about.contains(&&*condition.type_))?;
    Some(format!("{} is False: {}: {}", refused.type_, refused.reason, refused.message))
}

fn is_accepted(route: &HTTPRoute) -> bool {
    conditions(route).any(|condition| condition.type_ == "Accepted" && condition.status == "True")
}
