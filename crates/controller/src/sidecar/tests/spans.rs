//! In traces, a call is a child of the pass that ordered it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::sleep;
use tracing::{Id, Subscriber, span::Attributes};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

use super::node::{TestNode, order};

/// The name of a span, and that of its parent.
type Name = (&'static str, Option<&'static str>);

/// The spans in the order of their creation.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Name>>>);

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Spans {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let span = ctx.span(id).unwrap();
        self.0.lock().unwrap().push((span.name(), span.parent().map(|parent| parent.name())));
    }
}

#[tokio::test(start_paused = true)]
async fn the_span_of_the_first_call_is_a_child_of_its_pass_and_polls_are_roots() {
    let spans = Spans::default();
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let mut bed = TestNode::new(false);
    // A test in another thread may be the first to use a span, find no subscriber, and so disable it for all threads:
    // tracing registers the span only after that decision.
    bed.pass(Some(&order(0)));
    sleep(Duration::from_secs(5)).await;
    tracing::callsite::rebuild_interest_cache();
    spans.0.lock().unwrap().clear();
    let mut bed = TestNode::new(false);
    bed.fake.change(|world| world.takes = Duration::from_secs(10));
    tracing::debug_span!("reconcile").in_scope(|| bed.pass(Some(&order(0))));
    sleep(Duration::from_secs(5)).await;
    let spans = spans.0.lock().unwrap();
    assert_eq!(spans[..3], [("reconcile", None), ("sidecar", Some("reconcile")), ("sidecar", None)]);
}
