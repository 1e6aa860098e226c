//! Another team's webhook that undoes what ours did: repaired, or refused, never a bypass.

use mcp_e2e::always::then_always;
use mcp_e2e::hostile::{self, Deed, Hostile, LABEL_DEED, LABEL_TURN, Turn};
use mcp_e2e::objects::{parse, refusal};
use mcp_e2e::{Cluster, Namespace, judge, server, wait};
use serde_json::{Value, json};

/// A pod of the external server with an ordinary init container, or one of nobody's.
fn pod(deed: Deed, turn: Turn, image: &str, governed: bool) -> anyhow::Result<Value> {
    let name = format!("{}-{}", deed.as_str(), turn.as_str());
    let labels = if governed {
        server::labels("theirs")
    } else {
        "{app: plain}".into()
    };
    let mut pod = serde_json::to_value(&parse(&server::pod(&name, &labels))?[0])?;
    pod["metadata"]["labels"][LABEL_DEED] = json!(deed.as_str());
    pod["metadata"]["labels"][LABEL_TURN] = json!(turn.as_str());
    pod["spec"]["initContainers"] = json!([{
        "name": "prepare",
        "image": image,
        "command": ["/mcp-runtime", "--help"],
        "securityContext": pod["spec"]["containers"][0]["securityContext"],
    }]);
    Ok(pod)
}

/// What comes of creating it, in words: `intact`, or who refused it and how.
async fn outcome(namespace: &Namespace, pod: &Value, image: &str) -> anyhow::Result<String> {
    wait::until("an answer that is a verdict", || async {
        match namespace.dry_run(&pod.to_string()).await {
            Ok(created) => {
                let flaws = judge::flaws(&serde_json::to_value(created)?, image);
                Ok(Some(if flaws.is_empty() {
                    "intact".to_owned()
                } else {
                    format!("let through: {}", flaws.join(", "))
                }))
            }
            Err(error) => {
                let (status, message) = refusal(&error).ok_or(error)?;
                Ok((status != 500).then(|| told(&message)))
            }
        }
    })
    .await
}

/// Who says it, and what.
fn told(message: &str) -> String {
    let after = |mark: &str| message.split_once(mark).map(|(_, rest)| rest.to_owned());
    if let Some(rest) = after("admission webhook \"inject.mcpruntime.org\" denied the request: ") {
        format!("injector: {rest}")
    } else if let Some(rest) = after("denied request: ") {
        format!("policy: {rest}")
    } else {
        format!("API server: {message}")
    }
}

/// How the outcome has to begin.
fn expected(deed: Deed, turn: Turn) -> &'static str {
    match (deed, turn) {
        (Deed::TakePort, _) => "injector: PortConflict: spec.containers[taker].ports",
        // Called before there is a proxy, it finds nothing to do.
        (_, Turn::Before) => "intact",
        // What webhooks do without meaning it is repaired, as long as we are asked again.
        (Deed::DropRestartPolicy | Deed::MoveLast, Turn::BeforeAgain | Turn::After) => "intact",
        (Deed::DropRestartPolicy, Turn::AfterAgain) => {
            "API server: Pod \"drop-restart-policy-after-again\" is invalid: \
             [spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers \
             without restartPolicy=Always"
        }
        (Deed::MoveLast, Turn::AfterAgain) => {
            "policy: an init container comes before mcp-proxy and would run ungoverned"
        }
        // Without a container of its name the proxy is put in again, and meets the other.
        (Deed::Rename, _) => "injector: PortConflict: spec.initContainers[proxy].ports",
        (Deed::SwapImage, _) => "injector: TamperedSidecar: spec.initContainers[mcp-proxy].image",
        (Deed::RemoveVolume, _) => "injector: TamperedSidecar: spec.volumes[mcp-policy]",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_webhook_does_to_the_proxy_is_repaired_or_refused() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "hostile").await?;
    let image = cluster.proxy_image().await?;
    namespace.external_server("theirs").await?;
    let hostile = Hostile::serve(cluster.node_ip()?).await?;
    let wrong = then_always(
        async {
            hostile.configure(&namespace).await?;
            await_in_force(&namespace, &image).await?;
            let wrong = all(&namespace, &image).await?;
            run_the_repaired(&namespace, &image).await?;
            Ok(wrong)
        },
        hostile::remove(cluster.client.clone()),
    )
    .await?;
    assert!(wrong.is_empty(), "{wrong:#?}");
    namespace.delete().await
}

/// Until the API server calls each of the four for pods of nobody's.
async fn await_in_force(namespace: &Namespace, image: &str) -> anyhow::Result<()> {
    for turn in Turn::ALL {
        let probe = pod(Deed::TakePort, turn, image, false)?.to_string();
        wait::until_is(
            "the other webhook to be called",
            || namespace.dry_run(&probe),
            |pod| pod.data["spec"]["containers"][1]["name"] == "taker",
        )
        .await?;
    }
    Ok(())
}

async fn all(namespace: &Namespace, image: &str) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for turn in Turn::ALL {
        for deed in Deed::ALL {
            let outcome = outcome(namespace, &pod(deed, turn, image, true)?, image).await?;
            let case = format!("{} {}: {outcome}", turn.as_str(), deed.as_str());
            println!("another webhook, {case}");
            if !outcome.starts_with(expected(deed, turn)) {
                wrong.push(format!("{case}; expected: {}", expected(deed, turn)));
            }
        }
    }
    Ok(wrong)
}

/// What was repaired isn't only accepted: it runs.
async fn run_the_repaired(namespace: &Namespace, image: &str) -> anyhow::Result<()> {
    for deed in [Deed::DropRestartPolicy, Deed::MoveLast] {
        let pod = pod(deed, Turn::After, image, true)?.to_string();
        namespace.create_all(&pod).await?;
    }
    let pods = wait::until_is(
        "the repaired pods to run",
        || namespace.pods_as_json(),
        |pods| pods.iter().all(|pod| pod["status"]["phase"] == "Running"),
    )
    .await?;
    assert_eq!(pods.len(), 2);
    for pod in &pods {
        assert_eq!(judge::flaws(pod, image), Vec::<String>::new(), "{pod}");
    }
    Ok(())
}
