//! API servers that tests use one after the other: starting one takes seconds of CPU time.

use std::{
    collections::BTreeSet,
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::api::rbac::v1::PolicyRule;
use sei_testkit::{
    cluster::Cluster,
    control_plane::{self, ControlPlane},
    leftovers,
};

static POOL: Mutex<Pool> = Mutex::new(Pool { users: 0, idle: Vec::new() });

struct Pool {
    /// Number of tests with a cluster. The last of them stops the idle API servers: nothing stops a process that a
    /// static holds.
    users: usize,
    idle: Vec<Server>,
}

/// An API server without controllers, with the objects of the test that used it.
struct Server {
    plane: ControlPlane,
    /// UIDs of the objects that it had before the first test.
    initial: BTreeSet<String>,
}

/// The cluster of a test. Its API server is used by another test afterwards, unless the test failed.
pub struct TestCluster {
    cluster: Option<Cluster>,
    initial: BTreeSet<String>,
    /// Whether another test may use the API server.
    is_reusable: bool,
    _user: User,
}

/// A cluster in which account `sei-operator` has the permissions `rules`.
pub async fn cluster(rules: Vec<PolicyRule>) -> TestCluster {
    let user = User::new();
    let idle = lock().idle.pop();
    let server = match idle {
        Some(server) => server.cleaned().await,
        None => Server::start().await,
    };
    let cluster = Cluster::start_on(server.plane, rules, false).await.unwrap();
    TestCluster { cluster: Some(cluster), initial: server.initial, is_reusable: true, _user: user }
}

impl TestCluster {
    /// For a test that changes what remains after all objects are deleted, such as the CRDs.
    pub fn not_reused(mut self) -> Self {
        self.is_reusable = false;
        self
    }
}

impl Server {
    async fn start() -> Self {
        let plane = ControlPlane::start(&control_plane::assets().unwrap()).await.unwrap();
        let initial = leftovers::uids(&plane.client().await.unwrap()).await.unwrap();
        Self { plane, initial }
    }

    /// The API server without the objects of earlier tests; another one if they cannot be deleted.
    async fn cleaned(self) -> Self {
        let client = self.plane.client().await.unwrap();
        match leftovers::delete_except(&client, &self.initial).await {
            Ok(()) => self,
            Err(error) => {
                eprintln!("starting another API server: {error:#}");
                Self::start().await
            }
        }
    }
}

impl Deref for TestCluster {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        self.cluster.as_ref().unwrap()
    }
}

impl DerefMut for TestCluster {
    fn deref_mut(&mut self) -> &mut Cluster {
        self.cluster.as_mut().unwrap()
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        let cluster = self.cluster.take().unwrap();
        if self.is_reusable && !std::thread::panicking() {
            // The next test reads only the log of its own operators.
            let _ = std::fs::remove_file(cluster.operator_log());
            let server = Server { plane: cluster.into_plane(), initial: std::mem::take(&mut self.initial) };
            lock().idle.push(server);
        }
    }
}

/// Counts a test while it has a cluster.
struct User;

impl User {
    fn new() -> Self {
        lock().users += 1;
        Self
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut pool = lock();
        pool.users -= 1;
        let unused = if pool.users == 0 { std::mem::take(&mut pool.idle) } else { Vec::new() };
        drop(pool);
        drop(unused);
    }
}

fn lock() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}
