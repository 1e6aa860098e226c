//! One server from what was seen to what is reported. Each step is named here; those with `cx`
//! read or write the cluster, the others are pure.

use crds::{Problem, Problems, Server, Settings};
use k8s_openapi::api::core::v1::ConfigMap;

use crate::apply::{Part, apply, apply_policy};
use crate::build::build;
use crate::caches::SeenServer;
use crate::context::Context;
use crate::delivery::Order;
use crate::drift::Wanted;
use crate::fetch::{Around, fetch};
use crate::key::ServerKey;
use crate::progress::Progress;
use crate::publish::{publish, publish_accepted, publish_orphans};
use crate::render::{Now, Rendered, render};
use crate::report::{Observed, PolicyView};
use crate::standby::stand_by;
use crate::upgrade;

/// Brings the server `key` closer to what its objects say.
pub(crate) async fn reconcile(cx: &Context, key: &ServerKey, now: Now) -> Progress {
    let Some(around) = fetch(cx, key) else {
        return publish_orphans(cx, key, now).await;
    };
    let settings = cx.settings.now();
    let server = match parse(&around.server, &settings) {
        Ok(server) => server,
        Err(problems) => return stand_by(cx, &around, &problems, now).await,
    };
    publish_accepted(cx, &around, now).await;
    let compiled = crds::compile(&server, &around.grants, &around.sessions, &settings);
    let rendered = server.gateway.as_ref().map(|_| {
        let gathered = (!around.pods.is_empty()).then(|| cx.memory.gathered(key));
        render(&compiled.document, around.policy_text(), gathered, now)
    });
    let wanted = Wanted::of(&server, &settings);
    let taken = around.route_taken(&settings);
    let mut desired = build(&server, rendered.as_ref(), taken, &settings);
    upgrade::hold(cx, &around, &server, &wanted, &mut desired);
    let written = apply_policy(cx, &desired).await;
    let policy = deliver(cx, key, &around, rendered.as_ref(), &written, now);
    let applied = match server.paused {
        // Paused or not, access is taken away at once.
        true => around.as_applied(),
        false => apply(cx, &server, &desired, around.theirs).await,
    };
    let proxies = upgrade::go_on(cx, &around, &server, &wanted, &applied, now).await;
    let observed = Observed {
        server: &server,
        settings: &settings,
        policy_written: written.as_ref().map(|part| part.as_ref().map(drop)),
        policy: &policy,
        applied: &applied,
        pods: &around.pods,
        theirs: around.theirs,
        drift: &proxies.drift,
    };
    let progress = publish(cx, &around, &observed, &compiled, rendered.as_ref(), now).await;
    progress.sooner(proxies.again)
}

/// Sends the policy on its way to the pods, and answers how far it is.
fn deliver(
    cx: &Context,
    key: &ServerKey,
    around: &Around,
    rendered: Option<&Rendered>,
    written: &Part<ConfigMap>,
    now: Now,
) -> PolicyView {
    let Some(rendered) = rendered else {
        cx.delivery.forget(key);
        return PolicyView::default();
    };
    if !matches!(written, Some(Ok(_))) {
        return PolicyView::default();
    }
    let is_new = around.policy_text() != Some(&*rendered.text);
    cx.memory
        .rendered(key, rendered.gather.is_some(), is_new, now.instant);
    let order = Order {
        revision: rendered.revision.clone(),
        written: is_new.then_some(now.instant),
    };
    PolicyView {
        pods: cx.delivery.deliver(key, &around.pods, &order),
        revision: order.revision,
    }
}

/// The parse that admission makes too, or why there is nothing to parse.
fn parse(seen: &SeenServer, settings: &Settings) -> Result<Server, Problems> {
    match &seen.unreadable {
        None => crds::parse(&seen.object, settings),
        Some(why) => Err(Problems(vec![Problem {
            code: "unreadable",
            field: "spec".into(),
            value: String::new(),
            message: format!("it can't be read: {why}"),
            remedy: "apply the CustomResourceDefinitions of this version, then the object".into(),
        }])),
    }
}
