//! `SeiNodeDeployment`: a group of SeiNodes with a common template.

mod endpoints;
mod genesis;
mod phase;
mod rules;
mod spec;
mod status;
mod strategy;
mod template;

pub use endpoints::{
    DeploymentEndpoints, InternalPorts, InternalService, NetworkingStatus, NodeEndpoints, PodService,
    PodServicePorts, RouteHost,
};
pub use genesis::{DeploymentGenesis, GenesisAccount};
pub use phase::DeploymentPhase;
pub use spec::{DeletionPolicy, DeploymentNetworking, SeiNodeDeployment, SeiNodeDeploymentSpec};
pub use status::{ChildNode, ChildTls, SeiNodeDeploymentStatus};
pub use strategy::{
    BlueGreenStrategy, HardForkStrategy, InPlaceStrategy, MaxUnavailable, StrategyType, UpdateStrategy,
};
pub use template::{NAME_VARIABLE, SeiNodeTemplate, TemplateMetadata};

pub(crate) use template::adapt as adapt_template;
