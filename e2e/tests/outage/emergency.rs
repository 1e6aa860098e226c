//! `mcp-runtime admission`: what it takes away, what it doesn't, and that it ends by itself.

use mcp_e2e::objects::refusal;
use mcp_e2e::{Cluster, Namespace, server, wait};

/// Long enough to look around in, short enough to wait for.
const TIME: &str = "45s";

/// Refused by `/validate` alone: neither schema nor CEL knows the platform's images.
fn with_foreign_proxy() -> String {
    let enabled = "gateway:\n    enabled: true";
    let foreign = format!("{enabled}\n    image: elsewhere.example.org/proxy:1");
    server::server("storm", 1).replace(enabled, &foreign)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_disabled_in_an_emergency_comes_back_by_itself_and_injection_never_goes()
-> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "emergency").await?;
    let foreign = with_foreign_proxy();
    assert_eq!(namespace.refused(&foreign).await?.0, 422);
    let refused = cluster
        .mcp_runtime(&["admission", "disable", "inject"])
        .await?;
    assert!(!refused.ok);
    assert!(
        refused.stderr.contains("there is no switch for injection"),
        "{}",
        refused.stderr
    );

    let disabled = cluster
        .mcp_runtime(&["admission", "disable", "--for", TIME])
        .await?;
    assert!(disabled.ok, "{}", disabled.stderr);
    assert!(
        disabled
            .stdout
            .starts_with("inject    on\ndefault   off until ")
    );
    wait::until("neither defaults nor a refusal", || async {
        let answer = namespace.dry_run(&foreign).await.ok();
        Ok(answer.filter(|server| server.data.pointer("/spec/publicPathPrefix").is_none()))
    })
    .await?;
    let governed = server::pod(
        "governed",
        "{mcpruntime.org/gateway: required, mcpruntime.org/server: nobody}",
    );
    let (_, message) = namespace.refused(&governed).await?;
    assert!(message.contains("ServerNotFound"), "{message}");
    assert!(!cluster.mcp_runtime(&["admission", "status"]).await?.ok);

    // Nobody calls `enable`.
    wait::until("the refusal to come back", || async {
        match namespace.dry_run(&foreign).await {
            Ok(_) => Ok(None),
            Err(error) => Ok(refusal(&error).filter(|(status, _)| *status == 422)),
        }
    })
    .await?;
    wait::until("everything to be on", || async {
        let status = cluster.mcp_runtime(&["admission", "status"]).await?;
        Ok(status.ok.then_some(()))
    })
    .await?;
    namespace.delete().await
}
