//! Two servers that want one route: the older has it, whichever way they came to be.

use crds::MCPServer;
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::DeleteParams;
use mcp_e2e::{Cluster, Namespace, conditions, server, wait};

/// Waits for the reason, and gives the message beside it.
async fn await_reason(namespace: &Namespace, name: &str, reason: &str) -> anyhow::Result<String> {
    let status = wait::until_is(
        &format!("IngressReady {reason} of {name}"),
        || namespace.status(name),
        |status| conditions::of(status, "IngressReady")["reason"] == reason,
    )
    .await?;
    let message = &conditions::of(&status, "IngressReady")["message"];
    Ok(message.as_str().unwrap_or_default().to_owned())
}

fn on(prefix: &str, name: &str) -> String {
    server::server(name, 0).replace("spec:\n", &format!("spec:\n  publicPathPrefix: {prefix}\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_refused_to_the_second_and_goes_to_it_when_the_first_is_gone()
-> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    // Of servers created within one second, the order of their names decides: so named, `younger`
    // comes before `youngest` either way.
    let near = Namespace::create(&cluster, "routes").await?;
    let far = Namespace::create(&cluster, "route").await?;
    let shared = near.name.clone();
    near.create_all(&on(&shared, "older")).await?;
    await_reason(&near, "older", "AddressAssigned").await?;
    // Ages are told in whole seconds.
    let older = near.api::<MCPServer>().get("older").await?;
    let created = older
        .metadata
        .creation_timestamp
        .map(|time| time.0.as_second());
    wait::until("a later second", || async {
        Ok((Some(Timestamp::now().as_second()) > created).then_some(()))
    })
    .await?;

    // What admission can see it refuses, and it names nobody to strangers.
    let refused = wait::until("the refusal of the second", || async {
        let ended = cluster.apply(&far.name, &on(&shared, "younger")).await?;
        Ok((!ended.ok).then_some(ended.stderr))
    })
    .await?;
    assert!(refused.contains("spec.publicPathPrefix"), "{refused}");
    assert!(!refused.contains("older"), "{refused}");

    // Two at once may both get past it, as these do with the configuration away.
    let configuration = cluster
        .remove_webhook::<ValidatingWebhookConfiguration>()
        .await?;
    let past = async {
        wait::until("an API server without the webhook", || async {
            Ok(far.create_all(&on(&shared, "younger")).await.ok())
        })
        .await?;
        near.create_all(&on(&shared, "youngest")).await
    };
    let past = past.await;
    cluster.restore_webhook(&configuration).await?;
    past?;
    for (namespace, name, told) in [
        (&near, "youngest", "MCPServer older has this route"),
        (
            &far,
            "younger",
            "a server of another namespace has this route",
        ),
    ] {
        let message = await_reason(namespace, name, "RouteConflict").await?;
        assert!(message.starts_with(told), "{message}");
        assert!(namespace.api::<Ingress>().get_opt(name).await?.is_none());
    }
    assert!(near.api::<Ingress>().get_opt("older").await?.is_some());

    let servers = near.api::<MCPServer>();
    servers.delete("older", &DeleteParams::default()).await?;
    await_reason(&far, "younger", "AddressAssigned").await?;
    let message = await_reason(&near, "youngest", "RouteConflict").await?;
    assert!(
        message.starts_with("a server of another namespace has this route"),
        "{message}"
    );
    near.delete().await?;
    far.delete().await
}
